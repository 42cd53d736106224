//! The calls of the kernel: decode, ask the view, answer.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use fuser::{
    Errno, FileAttr, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry,
    ReplyLseek, ReplyOpen, ReplyStatfs, ReplyXattr, Request,
};

use super::convert::{self, BLOCK_SIZE, Numbers};
use super::errno::Log;
use crate::cim::FileId;
use crate::mount::view::{View, ViewError};

/// An image does not change, so what the kernel knows stays true.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Inode numbers are never used twice.
const GENERATION: Generation = Generation(0);

/// The most that the kernel reads with one request.
const MAX_REQUEST: u32 = 1024 * 1024;

/// Requests that the kernel may have waiting: enough for the readahead of many files.
const MAX_BACKGROUND: u16 = 64;

/// What an image gains from each, if the kernel has it.
const CAPABILITIES: [InitFlags; 9] = [
    // Listings bring attributes along, so that a walk asks once for each directory, not once for each file.
    InitFlags::FUSE_DO_READDIRPLUS,
    // Directories can be searched by many at once.
    InitFlags::FUSE_PARALLEL_DIROPS,
    InitFlags::FUSE_CACHE_SYMLINKS,
    // Opening needs no message.
    InitFlags::FUSE_NO_OPEN_SUPPORT,
    InitFlags::FUSE_NO_OPENDIR_SUPPORT,
    // Files can be found again by handle: inode numbers are good for that, and overlays make use of it.
    InitFlags::FUSE_EXPORT_SUPPORT,
    // Containers with user namespaces may shift owners.
    InitFlags::FUSE_ALLOW_IDMAP,
    // ACLs decide who may do what. Without this, the kernel would take the mask of an ACL for what the group may.
    InitFlags::FUSE_POSIX_ACL,
    // Cached data is good until somebody says otherwise.
    InitFlags::FUSE_EXPLICIT_INVAL_DATA,
];

/// The two ways of seeking that depend on where data lies.
const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;

thread_local! {
    /// Where data is put together that does not lie in one piece.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An image as fuser takes it.
#[derive(Debug)]
pub(super) struct FileSystem {
    view: View,
    numbers: Numbers,
    log: Log,
    /// What the kernel can do without a message.
    kernel: InitFlags,
}

impl FileSystem {
    pub(super) fn new(view: View, log: Log) -> Self {
        let numbers = Numbers::new(view.image().root());
        Self { view, numbers, log, kernel: InitFlags::empty() }
    }

    /// Finds the file of an inode number. The kernel knows only numbers that it was given, but a handle from another
    /// image may hold any.
    fn file(&self, ino: INodeNo) -> Result<FileId, Errno> {
        self.numbers.file(ino.0).ok_or(Errno::ESTALE)
    }

    fn attr(&self, id: FileId) -> Result<FileAttr, ViewError> {
        Ok(convert::attributes(&self.view.attributes(id)?, self.numbers.inode(id)))
    }

    /// Asks the view about a file. An error is noted and turned into its number.
    fn ask<'a, T>(
        &'a self,
        action: &str,
        ino: INodeNo,
        question: impl FnOnce(&'a View, FileId) -> Result<T, ViewError>,
    ) -> Result<T, Errno> {
        let id = self.file(ino)?;
        question(&self.view, id).map_err(|error| self.log.fail(action, ino.0, &error))
    }

    fn open_without_message(&self, with: InitFlags, flags: FopenFlags, reply: ReplyOpen) {
        if self.kernel.contains(with) {
            // The kernel takes this for "never ask again, and keep what is cached".
            reply.error(Errno::ENOSYS);
        } else {
            reply.opened(FileHandle(0), flags);
        }
    }
}

impl Filesystem for FileSystem {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> io::Result<()> {
        self.kernel = config.capabilities();
        for capability in CAPABILITIES {
            // What the kernel lacks it does without.
            let _ = config.add_capabilities(capability);
        }
        // Bounds reading too: the kernel counts both in pages. Each takes the nearest that is allowed.
        let _ = config.set_max_write(MAX_REQUEST);
        let _ = config.set_max_background(MAX_BACKGROUND);
        let _ = config.set_time_granularity(Duration::from_nanos(100));
        if let Err(most) = config.set_max_readahead(MAX_REQUEST) {
            let _ = config.set_max_readahead(most);
        }
        Ok(())
    }

    fn lookup(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.ask("look up a name in", parent, |view, id| {
            view.lookup(id, name.as_bytes())?.map(|id| self.attr(id)).transpose()
        });
        match found {
            Ok(Some(attr)) => reply.entry(&FOREVER, &attr, GENERATION),
            // Inode 0 lets the kernel remember that there is nothing.
            Ok(None) => reply.entry(&FOREVER, &convert::unreadable(INodeNo(0)), GENERATION),
            Err(errno) => reply.error(errno),
        }
    }

    fn forget(&self, _req: &Request, _ino: INodeNo, _nlookup: u64) {}

    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        match self.ask("stat", ino, |_, id| self.attr(id)) {
            Ok(attr) => reply.attr(&FOREVER, &attr),
            Err(errno) => reply.error(errno),
        }
    }

    fn readlink(&self, _req: &Request, ino: INodeNo, reply: ReplyData) {
        match self.ask("read the link of", ino, View::target) {
            Ok(target) => reply.data(&target),
            Err(errno) => reply.error(errno),
        }
    }

    fn open(&self, _req: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let flags = FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_NOFLUSH;
        self.open_without_message(InitFlags::FUSE_NO_OPEN_SUPPORT, flags, reply);
    }

    fn read(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let data = match self.ask("read", ino, View::data) {
            Ok(data) => data,
            Err(errno) => return reply.error(errno),
        };
        // A shorter answer would tell the kernel that the file ends.
        let left = data.len().saturating_sub(offset).min(size.into());
        let size = usize::try_from(left).expect("a u32 fits a usize");
        let first = data.chunk(offset, size).bytes();
        if first.len() == size {
            return reply.data(first);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(size, 0);
            let len = data.read_at(scratch, offset);
            reply.data(&scratch[..len]);
        });
    }

    fn flush(&self, _req: &Request, _ino: INodeNo, _fh: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        // Never ask again.
        reply.error(Errno::ENOSYS);
    }

    fn opendir(&self, _req: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let flags = FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR;
        self.open_without_message(InitFlags::FUSE_NO_OPENDIR_SUPPORT, flags, reply);
    }

    fn readdir(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let mut some = false;
        let listed = self.ask("list", ino, |view, id| {
            view.list(id, offset, |entry| {
                // Asking for the file alone to say that it is none would hide the name.
                let kind = view.attributes(entry.id).map(|of| convert::kind(of.file_type));
                let kind = kind.unwrap_or(fuser::FileType::RegularFile);
                let name = OsStr::from_bytes(entry.name);
                let fits = !reply.add(self.numbers.inode(entry.id), entry.next, kind, name);
                some |= fits;
                fits
            })
        });
        match listed {
            Err(errno) if !some => reply.error(errno),
            _ => reply.ok(),
        }
    }

    fn readdirplus(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let mut some = false;
        let listed = self.ask("list", ino, |view, id| {
            view.list(id, offset, |entry| {
                let inode = self.numbers.inode(entry.id);
                // A name whose file is broken is listed, and forgotten at once, so that asking for it says why.
                let (ttl, attr) = match self.attr(entry.id) {
                    Ok(attr) => (FOREVER, attr),
                    Err(_) => (Duration::ZERO, convert::unreadable(inode)),
                };
                let name = OsStr::from_bytes(entry.name);
                let fits = !reply.add(inode, entry.next, name, &ttl, &attr, GENERATION);
                some |= fits;
                fits
            })
        });
        match listed {
            // What came before the error is handed out; the next request begins with the error.
            Err(errno) if !some => reply.error(errno),
            _ => reply.ok(),
        }
    }

    fn statfs(&self, _req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let totals = self.view.totals();
        let blocks = totals.bytes.div_ceil(BLOCK_SIZE.into());
        // 255 UTF-16 units are up to 765 bytes.
        reply.statfs(blocks, 0, 0, totals.files, 0, BLOCK_SIZE, 765, BLOCK_SIZE);
    }

    fn getxattr(&self, _req: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        match self.ask("read an extended attribute of", ino, |view, id| view.xattr(id, name.as_bytes())) {
            Ok(value) => answer_xattr(&value, size, reply),
            Err(errno) => reply.error(errno),
        }
    }

    fn listxattr(&self, _req: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        match self.ask("list the extended attributes of", ino, View::xattr_names) {
            Ok(names) => answer_xattr(&names, size, reply),
            Err(errno) => reply.error(errno),
        }
    }

    fn lseek(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        // The kernel answers the other ways of seeking by itself.
        let hole = match whence {
            SEEK_DATA => false,
            SEEK_HOLE => true,
            _ => return reply.error(Errno::EINVAL),
        };
        let from = u64::try_from(offset).unwrap_or(u64::MAX);
        match self.ask("seek in", ino, |view, id| view.seek(id, from, hole)) {
            Ok(found) => match found.and_then(|found| i64::try_from(found).ok()) {
                Some(found) => reply.offset(found),
                None => reply.error(Errno::ENXIO),
            },
            Err(errno) => reply.error(errno),
        }
    }
}

/// Answers with a length where the caller has no room, with the bytes where they fit, else with ERANGE.
fn answer_xattr(value: &[u8], size: u32, reply: ReplyXattr) {
    let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
    match size {
        0 => reply.size(len),
        _ if len <= size => reply.data(value),
        _ => reply.error(Errno::ERANGE),
    }
}
