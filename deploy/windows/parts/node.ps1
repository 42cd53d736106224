# What the node is, and whether it can do what is asked of it.
Set-StrictMode -Version 3.0

# The first builds of Windows whose CimFS containers can run on. Of those between them some lack parts of it.
$OldestBuild = 20348
$OldestRevision = 2031
$NextBuild = 26100

function Get-Node {
    [OutputType([pscustomobject])]
    param([string]$InstallDir, [string]$Root, [string]$ContainerdService, [string]$ContainerdConfig)

    $command = Get-ServiceCommand -Name $ContainerdService
    $containerd = Get-CommandProgram -Command $command
    $directory = Split-Path -Parent $containerd
    if (-not $ContainerdConfig) {
        $ContainerdConfig = Get-CommandConfig -Command $command -Default (Join-Path $directory 'config.toml')
    }
    [pscustomobject]@{
        InstallDir        = $InstallDir
        Program           = Join-Path $InstallDir 'cimsnap.exe'
        Config            = Join-Path $InstallDir 'config.toml'
        Saved             = Join-Path $InstallDir 'saved'
        Root              = $Root
        Pipe              = 'cimsnap'
        Service           = 'cimsnap'
        Containerd        = $containerd
        Ctr               = Join-Path $directory 'ctr.exe'
        ContainerdService = $ContainerdService
        ContainerdConfig  = $ContainerdConfig
        Fragment          = Join-Path (Split-Path -Parent $ContainerdConfig) 'conf.d\cimsnap.toml'
    }
}

# The registry is asked rather than WMI, which is not there in every container that installs.
function Get-ServiceCommand {
    [OutputType([string])]
    param([string]$Name)

    $key = "HKLM:\SYSTEM\CurrentControlSet\Services\$Name"
    if (-not (Test-Path -LiteralPath $key)) {
        throw "there is no service $Name; name the one of containerd with -ContainerdService"
    }
    [Environment]::ExpandEnvironmentVariables((Get-ItemProperty -LiteralPath $key).ImagePath)
}

function Get-CommandProgram {
    [OutputType([string])]
    param([string]$Command)

    if ($Command -match '^\s*"([^"]+)"') { return $Matches[1] }
    if ($Command -match '^\s*(.+?\.exe)(\s|$)') { return $Matches[1] }
    throw "cannot tell the program of $Command"
}

function Get-CommandConfig {
    [OutputType([string])]
    param([string]$Command, [string]$Default)

    if ($Command -match '\s--?c(?:onfig)?[ =]"([^"]+)"') { return $Matches[1] }
    if ($Command -match '\s--?c(?:onfig)?[ =](\S+)') { return $Matches[1] }
    $Default
}

function Assert-Node {
    param($Node, [switch]$Force)

    Assert-Administrator
    if (-not (Test-Path -LiteralPath $Node.ContainerdConfig)) {
        throw "$($Node.ContainerdConfig) is missing; ``containerd config default`` writes one"
    }
    foreach ($fault in @(Get-BuildFault) + @(Get-LibraryFault) + @(Get-ContainerdFault -Node $Node)) {
        if (-not $Force) { throw "$fault; -Force goes on all the same" }
        Write-Warning $fault
    }
}

function Assert-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal $identity
    if (-not $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'only administrators can do this'
    }
}

function Get-BuildFault {
    [OutputType([string])]
    param()

    $windows = Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
    $build = [int]$windows.CurrentBuildNumber
    $revision = [int]$windows.UBR
    if ($build -ge $NextBuild) { return }
    if ($build -eq $OldestBuild -and $revision -ge $OldestRevision) { return }
    "Windows is of build $build.$revision, and CimFS needs $OldestBuild.$OldestRevision or $NextBuild"
}

function Get-LibraryFault {
    [OutputType([string])]
    param()

    $library = Join-Path ([Environment]::SystemDirectory) 'cimfs.dll'
    if (-not (Test-Path -LiteralPath $library)) { "$library is missing" }
}

function Get-ContainerdFault {
    [OutputType([string])]
    param($Node)

    $told = Invoke-Program -Path $Node.Containerd -Arguments '--version'
    if ("$told" -notmatch '\sv?(\d+)\.(\d+)\.\d+') { return "cannot tell the version of containerd from: $told" }
    $version = New-Object Version ([int]$Matches[1]), ([int]$Matches[2])
    if ($version -lt [Version]'2.0') { "containerd is of version $version, and 2.0 or later is needed" }
}

# Runs a program and returns what it prints; throws where it fails.
function Invoke-Program {
    param([string]$Path, [string[]]$Arguments)

    & $Path @Arguments
    if ($LASTEXITCODE -ne 0) {
        throw "$Path $Arguments ended with $LASTEXITCODE"
    }
}
