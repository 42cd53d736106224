//! How the allocator keeps memory.

/// Makes the allocator give memory back soon, and share it among all threads.
///
/// By default glibc gives each thread memory of its own, and keeps what it once had: buffers that wander between threads
/// then add up to many times what is in use. Says nothing where another allocator is at work.
pub fn keep_memory_small() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_THRESHOLD, 64 << 10)] {
        // SAFETY: sets a number inside the allocator, under its own lock. A value that it does not take changes nothing.
        unsafe { libc::mallopt(option, value) };
    }
}
