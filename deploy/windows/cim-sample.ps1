<#
.SYNOPSIS
Writes a sample image and a fork of it through the cimfs.dll of this machine, and saves what their structures look like.

.DESCRIPTION
The sample has ten small files, one of them sparse and one a program, an alternate stream, a hard link and a symbolic link. It
is written to a directory for temporary files, which is removed in the end. Nothing is mounted, no setting is changed, and no
rights of an administrator are needed.

cimsnap prints the structures: headers, tables, names, sizes and offsets, but no contents of files. The names are those of the
sample, so the result has nothing of this machine in it but the version of Windows, and can be attached to a report.

.PARAMETER Program
The program cimsnap.exe; that beside this script if not given.

.PARAMETER Output
The file that receives the result.

.EXAMPLE
.\cim-sample.ps1 -Output C:\Temp\cim-anatomy.txt
#>
[CmdletBinding()]
param(
    [ValidateNotNullOrEmpty()]
    [string]$Program = (Join-Path $PSScriptRoot 'cimsnap.exe'),

    [ValidateNotNullOrEmpty()]
    [string]$Output = (Join-Path $PWD 'cim-anatomy.txt')
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

# How cimfs.dll is called. Every method throws what the function returns, if that is a failure.
$CimfsSource = @'
using System;
using System.Runtime.InteropServices;

namespace CimSample
{
    [StructLayout(LayoutKind.Sequential)]
    public struct Metadata
    {
        public uint Attributes;
        public long FileSize;
        public long CreationTime, LastWriteTime, ChangeTime, LastAccessTime;
        public IntPtr Security;
        public uint SecuritySize;
        public IntPtr Reparse;
        public uint ReparseSize;
        public IntPtr Eas;
        public uint EasSize;
    }

    internal static class Cimfs
    {
        private const string Library = "cimfs.dll";

        [DllImport(Library, CharSet = CharSet.Unicode, PreserveSig = false)]
        public static extern void CimCreateImage(string directory, string existing, string name, out IntPtr image);

        [DllImport(Library, CharSet = CharSet.Unicode, PreserveSig = false)]
        public static extern void CimCreateFile(IntPtr image, string path, ref Metadata metadata, out IntPtr stream);

        [DllImport(Library, CharSet = CharSet.Unicode, PreserveSig = false)]
        public static extern void CimCreateAlternateStream(IntPtr image, string path, ulong size, out IntPtr stream);

        [DllImport(Library, PreserveSig = false)]
        public static extern void CimWriteStream(IntPtr stream, byte[] bytes, uint size);

        [DllImport(Library)]
        public static extern void CimCloseStream(IntPtr stream);

        [DllImport(Library, CharSet = CharSet.Unicode, PreserveSig = false)]
        public static extern void CimCreateHardLink(IntPtr image, string path, string existing);

        [DllImport(Library, CharSet = CharSet.Unicode, PreserveSig = false)]
        public static extern void CimDeletePath(IntPtr image, string path);

        [DllImport(Library, PreserveSig = false)]
        public static extern void CimCommitImage(IntPtr image);

        [DllImport(Library)]
        public static extern void CimCloseImage(IntPtr image);
    }

    public sealed class Image : IDisposable
    {
        // 2023-11-14; each file is a second younger than the one before it.
        private long time = 133444736000000000;
        private readonly byte[] security;
        private IntPtr image;

        public Image(string directory, string existing, string name, byte[] security)
        {
            this.security = security;
            Cimfs.CimCreateImage(directory, existing.Length == 0 ? null : existing, name, out image);
        }

        public void Add(string path, uint attributes, long size, byte[] data, byte[] reparse)
        {
            var pins = new[] { GCHandle.Alloc(security, GCHandleType.Pinned), GCHandle.Alloc(reparse, GCHandleType.Pinned) };
            try
            {
                time += 10000000;
                var metadata = new Metadata
                {
                    Attributes = attributes,
                    FileSize = size,
                    CreationTime = time,
                    LastWriteTime = time + 1,
                    ChangeTime = time + 2,
                    LastAccessTime = time + 3,
                    Security = pins[0].AddrOfPinnedObject(),
                    SecuritySize = (uint)security.Length,
                    Reparse = reparse.Length == 0 ? IntPtr.Zero : pins[1].AddrOfPinnedObject(),
                    ReparseSize = (uint)reparse.Length
                };
                IntPtr stream;
                Cimfs.CimCreateFile(image, path, ref metadata, out stream);
                Write(stream, data);
            }
            finally
            {
                foreach (var pin in pins) { pin.Free(); }
            }
        }

        public void AddStream(string path, byte[] data)
        {
            IntPtr stream;
            Cimfs.CimCreateAlternateStream(image, path, (ulong)data.Length, out stream);
            Write(stream, data);
        }

        public void AddLink(string path, string existing) { Cimfs.CimCreateHardLink(image, path, existing); }

        public void Delete(string path) { Cimfs.CimDeletePath(image, path); }

        public void Commit() { Cimfs.CimCommitImage(image); }

        public void Dispose()
        {
            if (image != IntPtr.Zero) { Cimfs.CimCloseImage(image); }
            image = IntPtr.Zero;
        }

        private static void Write(IntPtr stream, byte[] data)
        {
            try
            {
                if (data.Length > 0) { Cimfs.CimWriteStream(stream, data, (uint)data.Length); }
            }
            finally
            {
                Cimfs.CimCloseStream(stream);
            }
        }
    }
}
'@

# Attributes of files.
$Directory = 0x10
$Archive = 0x20
$Sparse = 0x200
$ReparsePoint = 0x400

# Bytes that are the same on every machine.
function Get-Pattern {
    [OutputType([byte[]])]
    param([int]$Size)

    $bytes = New-Object byte[] $Size
    (New-Object Random $Size).NextBytes($bytes)
    , $bytes
}

# SYSTEM and administrators may do everything, everybody may read.
function Get-Security {
    [OutputType([byte[]])]
    param()

    $text = 'O:SYG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;WD)'
    $descriptor = New-Object Security.AccessControl.RawSecurityDescriptor $text
    $bytes = New-Object byte[] $descriptor.BinaryLength
    $descriptor.GetBinaryForm($bytes, 0)
    , $bytes
}

# A relative symbolic link, as Windows stores one.
function Get-Symlink {
    [OutputType([byte[]])]
    param([string]$Target)

    $name = [Text.Encoding]::Unicode.GetBytes($Target)
    $stream = New-Object IO.MemoryStream
    $writer = New-Object IO.BinaryWriter $stream
    # The tag, the length of what follows, the places of both names, and that the target is relative.
    $writer.Write([uint32]2684354572)
    foreach ($number in (12 + 2 * $name.Length), 0, 0, $name.Length, $name.Length, $name.Length) {
        $writer.Write([uint16]$number)
    }
    $writer.Write([uint32]1)
    $writer.Write($name)
    $writer.Write($name)
    $writer.Flush()
    , $stream.ToArray()
}

function Write-Base {
    param([string]$Place, [byte[]]$Security)

    $none = New-Object byte[] 0
    $image = New-Object CimSample.Image $Place, '', 'base.cim', $Security
    try {
        $image.Add('sizes', $Directory, 0, $none, $none)
        foreach ($size in 20, 1023, 1024, 1025, 4096, 4097, 65535, 65537) {
            $image.Add("sizes\$size", $Archive, $size, (Get-Pattern -Size $size), $none)
        }
        $image.Add('sparse', ($Archive -bor $Sparse), 1048576, $none, $none)
        $library = [IO.File]::ReadAllBytes((Get-Library))
        $image.Add('program.dll', $Archive, $library.Length, $library, $none)
        $image.Add('empty', $Directory, 0, $none, $none)
        $image.Add('symlink', ($Archive -bor $ReparsePoint), 0, $none, (Get-Symlink -Target 'sizes\1024'))
        $image.AddStream('sizes\1024:side:$DATA', (Get-Pattern -Size 700))
        $image.AddLink('linked', 'sizes\4096')
        $image.Commit()
    }
    finally {
        $image.Dispose()
    }
}

function Write-Fork {
    param([string]$Place, [byte[]]$Security)

    $none = New-Object byte[] 0
    $image = New-Object CimSample.Image $Place, 'base.cim', 'fork.cim', $Security
    try {
        $image.Delete('sizes\1025')
        $image.Add('sizes\1023', $Archive, 5000, (Get-Pattern -Size 5000), $none)
        $image.Add('added', $Archive, 30, (Get-Pattern -Size 30), $none)
        $image.Commit()
    }
    finally {
        $image.Dispose()
    }
}

function Get-Library {
    [OutputType([string])]
    param()

    Join-Path ([Environment]::SystemDirectory) 'cimfs.dll'
}

# The version of Windows and of its library.
function Get-Machine {
    [OutputType([string])]
    param()

    $windows = Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
    $library = [Diagnostics.FileVersionInfo]::GetVersionInfo((Get-Library))
    "Windows $($windows.CurrentBuildNumber).$($windows.UBR), cimfs.dll $($library.FileVersion)"
}

# An exit code of 5 says that cimsnap met something that it does not expect, which is what the result is for.
function Get-Anatomy {
    param([string]$Image)

    & $Program cim anatomy $Image
    if ($LASTEXITCODE -notin 0, 5) { throw "$Program ended with $LASTEXITCODE" }
}

if (-not (Test-Path -LiteralPath $Program)) { throw "$Program is missing; name it with -Program" }
if (-not (Test-Path -LiteralPath (Get-Library))) { throw "this Windows has no cimfs.dll" }
Add-Type -TypeDefinition $CimfsSource
$place = Join-Path ([IO.Path]::GetTempPath()) "cim-sample-$([Guid]::NewGuid())"
[void][IO.Directory]::CreateDirectory($place)
try {
    $security = Get-Security
    Write-Base -Place $place -Security $security
    Write-Fork -Place $place -Security $security
    $lines = @(Get-Machine)
    foreach ($name in 'base.cim', 'fork.cim') {
        $lines += Get-Anatomy -Image (Join-Path $place $name)
    }
    [IO.File]::WriteAllLines($Output, [string[]]$lines)
}
finally {
    [IO.Directory]::Delete($place, $true)
}
Write-Output "the result is in $Output"
