# What is there before anything is changed, and the way back to it.
Set-StrictMode -Version 3.0

# Saves the files that an installation changes and returns the directory with them.
function Save-State {
    [CmdletBinding(SupportsShouldProcess = $true)]
    [OutputType([string])]
    param($Node)

    $directory = Join-Path $Node.Saved (Get-Date -Format 'yyyyMMdd-HHmmss-fff')
    if (-not $PSCmdlet.ShouldProcess($directory, 'save what is there')) { return $directory }
    New-Item -ItemType Directory -Force -Path $directory | Out-Null
    foreach ($file in Get-StateFile -Node $Node) {
        if (Test-Path -LiteralPath $file.Path) {
            Copy-Item -LiteralPath $file.Path -Destination (Join-Path $directory $file.Name)
        }
    }
    $directory
}

# Each file that an installation changes, with the name under which it is saved.
function Get-StateFile {
    param($Node)

    [pscustomobject]@{ Name = 'cimsnap.exe'; Path = $Node.Program }
    [pscustomobject]@{ Name = 'config.toml'; Path = $Node.Config }
    [pscustomobject]@{ Name = 'fragment.toml'; Path = $Node.Fragment }
    [pscustomobject]@{ Name = 'containerd.toml'; Path = $Node.ContainerdConfig }
}

function Get-LatestState {
    [OutputType([string])]
    param($Node)

    $all = @()
    if (Test-Path -LiteralPath $Node.Saved) {
        $all = @(Get-ChildItem -LiteralPath $Node.Saved -Directory | Sort-Object -Property Name)
    }
    if ($all.Count -eq 0) { throw "nothing was saved in $($Node.Saved)" }
    $all[-1].FullName
}

# Forgets what was saved if nothing became different, so that the latest state is one that can be gone back to.
function Remove-SameState {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node, [string]$Saved)

    if (-not $PSCmdlet.ShouldProcess($Saved, 'forget what was saved if it is the same')) { return }
    foreach ($file in Get-StateFile -Node $Node) {
        $kept = Join-Path $Saved $file.Name
        if (-not (Test-Path -LiteralPath $kept) -or -not (Test-SameFile -First $kept -Second $file.Path)) { return }
    }
    Remove-Item -LiteralPath $Saved -Recurse -Force
}

# Puts back what was saved, and takes away what was not there.
function Restore-State {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node, [string]$Saved)

    if (-not $PSCmdlet.ShouldProcess($Saved, 'put back what was saved')) { return }
    $before = Get-Wiring -Node $Node
    Stop-CimsnapService -Node $Node
    if (-not (Test-Path -LiteralPath (Join-Path $Saved 'cimsnap.exe'))) {
        Uninstall-CimsnapService -Node $Node
    }
    foreach ($file in Get-StateFile -Node $Node) {
        Restore-File -Kept (Join-Path $Saved $file.Name) -Path $file.Path
    }
    Restart-Containerd -Node $Node -Before $before
    if (Test-Path -LiteralPath $Node.Program) {
        Install-CimsnapService -Node $Node
    }
}

function Restore-File {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string]$Kept, [string]$Path)

    if (Test-Path -LiteralPath $Kept) {
        if ($PSCmdlet.ShouldProcess($Path, 'put back')) { Copy-Item -LiteralPath $Kept -Destination $Path -Force }
    }
    elseif ((Test-Path -LiteralPath $Path) -and $PSCmdlet.ShouldProcess($Path, 'remove')) {
        Remove-Item -LiteralPath $Path -Force
    }
}
