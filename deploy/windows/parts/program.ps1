# The program, its configuration, its service, and what keeps the antivirus from its files.
Set-StrictMode -Version 3.0

# A program that runs cannot be replaced, so the service is stopped. Containers do not need it.
function Install-Program {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node, [string]$Source)

    $new = Join-Path $Source 'cimsnap.exe'
    if (-not (Test-Path -LiteralPath $new)) { throw "$new is missing" }
    if (Test-SameFile -First $new -Second $Node.Program) { return }
    if ($PSCmdlet.ShouldProcess($Node.Program, 'copy the program')) {
        Stop-CimsnapService -Node $Node
        New-Item -ItemType Directory -Force -Path $Node.InstallDir | Out-Null
        Copy-Item -LiteralPath $new -Destination $Node.Program -Force
    }
}

function Test-SameFile {
    [OutputType([bool])]
    param([string]$First, [string]$Second)

    if (-not (Test-Path -LiteralPath $Second)) { return $false }
    (Get-FileHash -LiteralPath $First).Hash -eq (Get-FileHash -LiteralPath $Second).Hash
}

# A configuration that is there belongs to the administrator, unless another one is given.
function Install-Configuration {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node, [string]$Source, [string]$Configuration)

    if ($Configuration -or -not (Test-Path -LiteralPath $Node.Config)) {
        $text = Get-Configuration -Node $Node -Source $Source -Configuration $Configuration
        if ($PSCmdlet.ShouldProcess($Node.Config, 'write the configuration')) {
            Write-Configuration -Node $Node -Text $text
        }
    }
    if ($PSCmdlet.ShouldProcess($Node.Config, 'check the configuration')) {
        Invoke-Program -Path $Node.Program -Arguments 'config', 'check', $Node.Config
    }
}

function Get-Configuration {
    [OutputType([string])]
    param($Node, [string]$Source, [string]$Configuration)

    if (-not $Configuration) { $Configuration = Join-Path $Source 'config.toml' }
    $text = Get-Content -Raw -Encoding UTF8 -LiteralPath $Configuration
    $text.Replace('C:\ProgramData\cimsnap', $Node.Root)
}

# The service reads its configuration when it starts, so it is stopped if that changes.
function Write-Configuration {
    param($Node, [string]$Text)

    if (Test-Path -LiteralPath $Node.Config) {
        if ([IO.File]::ReadAllText($Node.Config) -ceq $Text) { return }
        Stop-CimsnapService -Node $Node
    }
    # Without the mark of its encoding, which Windows PowerShell would put in front.
    [IO.File]::WriteAllText($Node.Config, $Text)
}

function Test-CimsnapService {
    [OutputType([bool])]
    param($Node)

    [bool](Get-Service -Name $Node.Service -ErrorAction SilentlyContinue)
}

function Install-CimsnapService {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    if (-not $PSCmdlet.ShouldProcess($Node.Service, 'install and start the service')) { return }
    if (-not (Test-CimsnapService -Node $Node)) {
        Invoke-Program -Path $Node.Program -Arguments 'service', 'install', '--config', $Node.Config
    }
    Start-Service -Name $Node.Service
    Wait-Pipe -Name $Node.Pipe
}

function Stop-CimsnapService {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    if ((Test-CimsnapService -Node $Node) -and $PSCmdlet.ShouldProcess($Node.Service, 'stop the service')) {
        Stop-Service -Name $Node.Service -Force
    }
}

function Uninstall-CimsnapService {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    if ((Test-CimsnapService -Node $Node) -and $PSCmdlet.ShouldProcess($Node.Service, 'uninstall the service')) {
        Stop-CimsnapService -Node $Node
        Invoke-Program -Path $Node.Program -Arguments 'service', 'uninstall'
    }
}

function Uninstall-Program {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    foreach ($path in $Node.Program, $Node.Config) {
        if ((Test-Path -LiteralPath $path) -and $PSCmdlet.ShouldProcess($path, 'remove')) {
            Remove-Item -LiteralPath $path -Force
        }
    }
}

# Waits until somebody listens on a pipe.
function Wait-Pipe {
    param([string]$Name, [int]$Seconds = 60)

    $client = New-Object IO.Pipes.NamedPipeClientStream '.', $Name, ([IO.Pipes.PipeDirection]::InOut)
    try {
        $client.Connect(1000 * $Seconds)
    }
    catch [TimeoutException] {
        throw "nobody listens on \\.\pipe\$Name after $Seconds seconds"
    }
    finally {
        $client.Dispose()
    }
}

# The antivirus would look at each file of an image that is written, though they are regions of an image, not programs.
function Add-Exclusion {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    if (-not (Get-Command -Name Add-MpPreference -ErrorAction SilentlyContinue)) {
        Write-Warning "Defender is not there; exclude $($Node.Root) and $($Node.Program) from any other antivirus"
        return
    }
    if ($PSCmdlet.ShouldProcess($Node.Root, 'exclude from Defender')) {
        Add-MpPreference -ExclusionPath $Node.Root -ExclusionProcess $Node.Program
    }
}

function Remove-Exclusion {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    $there = Get-Command -Name Remove-MpPreference -ErrorAction SilentlyContinue
    if ($there -and $PSCmdlet.ShouldProcess($Node.Root, 'no longer exclude from Defender')) {
        Remove-MpPreference -ExclusionPath $Node.Root -ExclusionProcess $Node.Program
    }
}
