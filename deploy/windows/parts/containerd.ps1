# What containerd is told of cimsnap. cimsnap itself reads and writes TOML; here it is only moved about.
Set-StrictMode -Version 3.0

function Connect-Containerd {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node, [string]$Runtime, [switch]$AllPods)

    if (-not $PSCmdlet.ShouldProcess($Node.ContainerdConfig, "import $($Node.Fragment)")) { return }
    $before = Get-Wiring -Node $Node
    New-Item -ItemType Directory -Force -Path (Split-Path -Parent $Node.Fragment) | Out-Null
    # What an earlier fragment said is not to count as said by others.
    [IO.File]::WriteAllText($Node.Fragment, "version = 3`n")
    $dump = Export-ContainerdConfig -Node $Node
    try {
        $arguments = @('config', 'containerd', '--config', $Node.Config, '--dump', $dump, '--output', $Node.Fragment)
        if ($Runtime) { $arguments += '--runtime', $Runtime }
        if ($AllPods) { $arguments += '--all-pods' }
        Invoke-Program -Path $Node.Program -Arguments $arguments
        Invoke-Program -Path $Node.Program -Arguments 'config', 'import', $Node.ContainerdConfig, $Node.Fragment
    }
    finally {
        [IO.File]::Delete($dump)
    }
    Assert-ContainerdConfig -Node $Node -Told $true
    Restart-Containerd -Node $Node -Before $before
}

function Disconnect-Containerd {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    if (-not $PSCmdlet.ShouldProcess($Node.ContainerdConfig, "no longer import $($Node.Fragment)")) { return }
    $before = Get-Wiring -Node $Node
    if (Test-Path -LiteralPath $Node.Program) {
        $arguments = 'config', 'import', '--remove', $Node.ContainerdConfig, $Node.Fragment
        Invoke-Program -Path $Node.Program -Arguments $arguments
    }
    if (Test-Path -LiteralPath $Node.Fragment) { Remove-Item -LiteralPath $Node.Fragment -Force }
    Assert-ContainerdConfig -Node $Node -Told $false
    Restart-Containerd -Node $Node -Before $before
}

# All that is told to containerd, to see whether it changes.
function Get-Wiring {
    [OutputType([string])]
    param($Node)

    $hashes = foreach ($path in $Node.ContainerdConfig, $Node.Fragment) {
        if (Test-Path -LiteralPath $path) { (Get-FileHash -LiteralPath $path).Hash } else { 'none' }
    }
    $hashes -join ' '
}

# Writes what containerd is told, with all that it imports, into a file. `>` would write it in another encoding.
function Export-ContainerdConfig {
    [OutputType([string])]
    param($Node)

    $file = [IO.Path]::GetTempFileName()
    $dump = @{
        FilePath               = $Node.Containerd
        ArgumentList           = '--config "{0}" config dump' -f $Node.ContainerdConfig
        RedirectStandardOutput = $file
    }
    $process = Start-Process @dump -NoNewWindow -Wait -PassThru
    if ($process.ExitCode -ne 0) {
        throw "containerd does not read $($Node.ContainerdConfig): it ended with $($process.ExitCode)"
    }
    $file
}

# A configuration that containerd does not read would keep it from starting, so it is read before that is tried.
function Assert-ContainerdConfig {
    param($Node, [bool]$Told)

    $dump = Export-ContainerdConfig -Node $Node
    $found = Select-String -LiteralPath $dump -Pattern '[proxy_plugins.cimsnap]' -SimpleMatch -Quiet
    [IO.File]::Delete($dump)
    if ([bool]$found -ne $Told) {
        throw "$($Node.ContainerdConfig) and what it imports name cimsnap: $([bool]$found), which should be $Told"
    }
}

function Restart-Containerd {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node, [string]$Before)

    if ((Get-Wiring -Node $Node) -eq $Before) { return }
    if ($PSCmdlet.ShouldProcess($Node.ContainerdService, 'restart')) {
        Restart-Service -Name $Node.ContainerdService -Force
    }
}

function Assert-Installation {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    if (-not $PSCmdlet.ShouldProcess($Node.Service, 'see whether it works')) { return }
    Wait-Pipe -Name 'containerd-containerd'
    Wait-Pipe -Name $Node.Pipe
    if (Test-Path -LiteralPath $Node.Ctr) { Assert-Plugin -Node $Node }
    $arguments = 'doctor', '--config', $Node.Config, '--containerd-config', $Node.ContainerdConfig
    Invoke-Program -Path $Node.Program -Arguments $arguments
}

function Assert-Plugin {
    param($Node)

    $plugins = @(Invoke-Program -Path $Node.Ctr -Arguments 'plugins', 'ls')
    foreach ($name in 'snapshotter\.v1\s+cimsnap', 'differ\.v1\s+cimsnap-diff') {
        if (-not ($plugins -match "^io\.containerd\.$name\s.*\bok\b")) {
            throw "containerd has no plugin like $name that is ok"
        }
    }
}

# Whoever has a container over a snapshot of ours could not start it again.
function Assert-NoSnapshot {
    param($Node, [switch]$Force)

    if ($Force -or -not (Test-Path -LiteralPath $Node.Program)) { return }
    $list = Invoke-Program -Path $Node.Program -Arguments 'snapshot', 'ls', '--json', '--config', $Node.Config
    if ("$list" -match '"key"') {
        throw 'there are snapshots; drain the node and remove its images, or uninstall with -Force'
    }
}
