//! What of the program stays in memory.

use std::ptr;

use nix::unistd::{SysconfVar, sysconf};

unsafe extern "C" {
    // The linker's names for where the program begins and where its code ends. Between them are
    // its code and its constants, none of which is ever written.
    static __executable_start: u8;
    static etext: u8;
}

/// Gives the memory of the program's code and constants back, of which most was for the start
/// alone. What runs on comes back page by page out of the file, which the system still has.
///
/// The poll loop calls this when it has run for a while. Where the system refuses, nothing changes.
pub fn forget_start() {
    let page = match sysconf(SysconfVar::PAGE_SIZE) {
        Ok(Some(size)) => usize::try_from(size).unwrap_or(4096),
        _ => 4096,
    };
    let first = (&raw const __executable_start)
        .addr()
        .next_multiple_of(page);
    let end = (&raw const etext).addr() / page * page;
    let Some(length) = end.checked_sub(first) else {
        return;
    };
    let start = ptr::with_exposed_provenance_mut(first);
    // SAFETY: these pages are mapped from the file of the program, privately, and nothing ever
    // writes them (what is relocated lies behind `etext`): dropping them changes no octet of what is
    // read there afterwards.
    let _ = unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) };
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Pages of files that this process has resident (`proc(5)`).
    fn resident() -> u64 {
        let text = fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(2).unwrap().parse().unwrap()
    }

    #[test]
    fn what_is_forgotten_comes_back() {
        let text = format!("{:?} {}", "a constant".to_owned(), f64::from(1.5f32));
        let before = resident();
        forget_start();
        let after = resident();
        assert!(after < before, "{before} pages, then {after}");
        let again = format!("{:?} {}", "a constant".to_owned(), f64::from(1.5f32));
        assert_eq!(text, again);
    }
}
