//! What of the program itself stays in memory.

use std::fs;
use std::io;
use std::ops::Range;

/// Gives back the program text that is mapped in: what runs again is mapped again, out of the page
/// cache, some pages at a time.
///
/// For a daemon that is ready: what only its start needed, and what the kernel brought along with
/// it, does not count as resident for as long as it lives.
///
/// # Errors
/// The kernel did not say where the text is, or did not take it back. Nothing depends on it.
pub fn release_text() -> io::Result<()> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let text = text_of(&maps, release_text as *const () as usize)
        .ok_or_else(|| io::Error::other("the text of the program is not in /proc/self/maps"))?;
    let address = std::ptr::without_provenance_mut(text.start);
    // SAFETY: the range is one whole mapping of this program's file, private, executable and not
    // writable: its pages are those of the file, unmodified, and are read from there again when
    // they are touched next. No memory that anything could have written to is in it.
    let done = unsafe { libc::madvise(address, text.len(), libc::MADV_DONTNEED) };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The mapping that a function is in, when it is text of a file that is never written to.
fn text_of(maps: &str, function: usize) -> Option<Range<usize>> {
    maps.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        let text = words.next()? == "r-xp";
        let [_, _, inode] = [words.next()?, words.next()?, words.next()?];
        (text && inode != "0" && (start..end).contains(&function)).then_some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_found_and_comes_back() {
        for _ in 0..3 {
            release_text().unwrap();
        }
        let maps = "7f00-7fff r--p 00000000 fe:01 12 /sbin/wanbox\n\
                    8000-9fff r-xp 00001000 fe:01 12 /sbin/wanbox\n\
                    a000-bfff r-xp 00000000 00:00 0 [vdso]\n\
                    c000-dfff rwxp 00000000 fe:01 12 /sbin/wanbox\n";
        assert_eq!(text_of(maps, 0x8123), Some(0x8000..0x9fff));
        for other in [0x7f10, 0xa001, 0xc001, 0x9fff, 0] {
            assert_eq!(text_of(maps, other), None, "{other:#x}");
        }
        assert_eq!(text_of("", 0), None);
        assert_eq!(text_of("x\n1-2\nzz-yy r-xp", 1), None);
    }
}
