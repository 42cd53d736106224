<#
.SYNOPSIS
Installs cimsnap on a Windows node and makes containerd use it, or takes both back.

.DESCRIPTION
Checks the node, copies the program, writes its configuration, installs its service, and has containerd import a fragment
that cimsnap writes for it. What is changed is saved first. If any step fails, everything is put back as it was. What is in
place already is left alone, so the script may run again at any time; containerd is restarted only if its configuration changed.

.PARAMETER Source
The directory with cimsnap.exe and config.toml; that of this script if not given.

.PARAMETER Configuration
A configuration to put in the place of the one that is there. If not given, one is written only where there is none.

.PARAMETER InstallDir
Where the program, its configuration and what was saved are kept.

.PARAMETER Root
Where cimsnap keeps images and snapshots.

.PARAMETER ContainerdConfig
The configuration of containerd; the one that its service names if not given.

.PARAMETER ContainerdService
The Windows service that runs containerd.

.PARAMETER Runtime
Have pods of runtime classes with this handler use cimsnap.

.PARAMETER AllPods
Have all pods of the node use cimsnap.

.PARAMETER Uninstall
Take cimsnap away from containerd and from the node. Images stay in Root.

.PARAMETER Rollback
Put back what the latest installation has replaced.

.PARAMETER Force
Go on where a check fails that can be wrong, and uninstall though there are snapshots.

.EXAMPLE
.\install.ps1 -AllPods

.EXAMPLE
.\install.ps1 -Runtime cimsnap -WhatIf

.EXAMPLE
.\install.ps1 -Uninstall
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Install')]
param(
    [Parameter(ParameterSetName = 'Install')]
    [ValidateNotNullOrEmpty()]
    [string]$Source = $PSScriptRoot,

    [Parameter(ParameterSetName = 'Install')]
    [string]$Configuration = '',

    [ValidatePattern('^[A-Za-z]:\\[^'':,"]+$')]
    [string]$InstallDir = (Join-Path $env:ProgramFiles 'cimsnap'),

    [ValidatePattern('^[A-Za-z]:\\[^'':,"]+$')]
    [string]$Root = (Join-Path $env:ProgramData 'cimsnap'),

    # A whole path: containerd would look for the fragment beside its own configuration.
    [ValidatePattern('^[A-Za-z]:\\[^'':,"]+$')]
    [string]$ContainerdConfig,

    [ValidatePattern('^[\w.-]+$')]
    [string]$ContainerdService = 'containerd',

    [Parameter(ParameterSetName = 'Install')]
    [ValidatePattern('^[\w.-]*$')]
    [string]$Runtime = '',

    [Parameter(ParameterSetName = 'Install')]
    [switch]$AllPods,

    [Parameter(ParameterSetName = 'Uninstall', Mandatory = $true)]
    [switch]$Uninstall,

    [Parameter(ParameterSetName = 'Rollback', Mandatory = $true)]
    [switch]$Rollback,

    [switch]$Force
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

foreach ($part in 'node', 'state', 'program', 'containerd') {
    . (Join-Path $PSScriptRoot "parts\$part.ps1")
}

function Install-Cimsnap {
    param($Node)

    Assert-Node -Node $Node -Force:$Force
    $saved = Save-State -Node $Node
    try {
        Install-Program -Node $Node -Source $Source
        Install-Configuration -Node $Node -Source $Source -Configuration $Configuration
        Install-CimsnapService -Node $Node
        Add-Exclusion -Node $Node
        Connect-Containerd -Node $Node -Runtime $Runtime -AllPods:$AllPods
        Assert-Installation -Node $Node
    }
    catch {
        Write-Warning "installing failed, and is taken back: $_"
        Restore-State -Node $Node -Saved $saved
        throw
    }
    Remove-SameState -Node $Node -Saved $saved
}

function Uninstall-Cimsnap {
    param($Node)

    Assert-Administrator
    Assert-NoSnapshot -Node $Node -Force:$Force
    $saved = Save-State -Node $Node
    try {
        Disconnect-Containerd -Node $Node
        Uninstall-CimsnapService -Node $Node
        Remove-Exclusion -Node $Node
        Uninstall-Program -Node $Node
    }
    catch {
        Write-Warning "uninstalling failed, and is taken back: $_"
        Restore-State -Node $Node -Saved $saved
        throw
    }
    Write-Output "images are still in $($Node.Root); remove the directory to free the space"
}

function Undo-Installation {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param($Node)

    Assert-Administrator
    $saved = Get-LatestState -Node $Node
    Restore-State -Node $Node -Saved $saved
    if ($PSCmdlet.ShouldProcess($saved, 'forget what was saved')) {
        Remove-Item -LiteralPath $saved -Recurse -Force
    }
}

$place = @{
    InstallDir        = $InstallDir
    Root              = $Root
    ContainerdService = $ContainerdService
    ContainerdConfig  = $ContainerdConfig
}
$node = Get-Node @place
switch ($PSCmdlet.ParameterSetName) {
    'Uninstall' { Uninstall-Cimsnap -Node $node }
    'Rollback' { Undo-Installation -Node $node }
    default { Install-Cimsnap -Node $node }
}
