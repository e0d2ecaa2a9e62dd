//! Octets in hexadecimal digits, in the layout of the original.

use std::fmt::Write;

/// Octets of a line.
const LINE: usize = 16;

/// Octets from `offset` on.
///
/// # Errors
/// They are not all inside the memory.
pub fn text(
    device: &str,
    memory: &[u8],
    offset: u64,
    length: u64,
    verbose: bool,
) -> Result<String, String> {
    let part = offset
        .checked_add(length)
        .and_then(|end| memory.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?))
        .ok_or_else(|| {
            let size = memory.len();
            format!(
                "{length} octets from offset {offset:#X} are out of range: {device} has {size} \
                 octets, 0x0 to {:#X}",
                size.saturating_sub(1)
            )
        })?;
    let mut text = String::new();
    if verbose {
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "WANPIPE Memory Dump Utility. wanbox {}\n\
             Dumping {length} bytes from offset {offset} from device {device} ...\n",
            env!("CARGO_PKG_VERSION")
        );
    }
    lines(&mut text, part, offset as usize);
    Ok(text)
}

/// The lines. Of more than one, the first is short enough that the others begin at multiples of
/// 16; what it has is at its left all the same.
fn lines(text: &mut String, mut octets: &[u8], mut offset: usize) {
    let mut count = match octets.len() > LINE {
        true => LINE - offset % LINE,
        false => LINE,
    };
    while !octets.is_empty() {
        let (line, rest) = octets.split_at(count.min(octets.len()));
        let _ = write!(text, "{offset:05X}: ");
        for place in 0..LINE {
            let _ = match line.get(place) {
                Some(octet) => write!(text, "{octet:02X} "),
                None => write!(text, "   "),
            };
        }
        text.push(' ');
        text.extend((0..LINE).map(|place| match line.get(place) {
            Some(octet @ b' '..=b'~') => char::from(*octet),
            Some(_) => '.',
            None => ' ',
        }));
        text.push('\n');
        offset += line.len();
        octets = rest;
        count = LINE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_of_the_original() {
        let mut memory = vec![0; 0x10000];
        memory[0xf003..0xf007].copy_from_slice(&[0x28, 9, 3, 9]);
        let dumped = text("wanpipe1", &memory, 0xf003, 20, false).unwrap();
        assert_eq!(
            dumped,
            "0F003: 28 09 03 09 00 00 00 00 00 00 00 00 00           (............   \n\
             0F010: 00 00 00 00 00 00 00                             .......         \n"
        );
    }

    #[test]
    fn a_single_line_is_not_aligned() {
        let memory: Vec<u8> = (0..=255).collect();
        let dumped = text("w", &memory, 0x78, 16, false).unwrap();
        assert_eq!(
            dumped,
            "00078: 78 79 7A 7B 7C 7D 7E 7F 80 81 82 83 84 85 86 87  xyz{|}~.........\n"
        );
        let dumped = text("w", &memory, 5, 1, false).unwrap();
        assert_eq!(dumped.len(), 7 + 48 + 1 + 16 + 1);
        assert!(dumped.starts_with("00005: 05    "));
    }

    #[test]
    fn all_of_it_and_no_more() {
        let memory = vec![b'A'; 100];
        let all = text("wanpipe1", &memory, 0, 100, true).unwrap();
        let mut lines = all.lines();
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("WANPIPE Memory Dump Utility.")
        );
        assert_eq!(
            lines.next(),
            Some("Dumping 100 bytes from offset 0 from device wanpipe1 ...")
        );
        assert_eq!(lines.count(), 7);
        for (offset, length) in [(0, 101), (100, 1), (99, 2), (u64::MAX, 2), (1, u64::MAX)] {
            let error = text("wanpipe1", &memory, offset, length, false).unwrap_err();
            assert!(error.contains("has 100 octets, 0x0 to 0x63"), "{error}");
        }
    }
}
