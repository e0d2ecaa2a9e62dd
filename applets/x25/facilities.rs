//! Facilities as people write them.

use wanbox_wire::x25::Facilities;
use wanbox_wire::x25::facility::{
    Directions, Facility, FacilityList, FastSelect, PacketSize, ThroughputClass,
};

/// What can be written, for help and errors.
pub const FORMS: &str = "packet=N[/N], window=N[/N], throughput=CLASS[/CLASS], reverse, fast, \
                         fast-restricted, cug=N, or a code and its parameter in hexadecimal digits";

/// The facilities of a call.
///
/// # Errors
/// Which of the words is none, for people.
pub fn read(words: &[String]) -> Result<Vec<u8>, String> {
    let mut list = FacilityList::new();
    let (mut reverse, mut fast_select) = (false, FastSelect::No);
    for word in words {
        match word.as_str() {
            "reverse" => reverse = true,
            "fast" => fast_select = FastSelect::Unrestricted,
            "fast-restricted" => fast_select = FastSelect::Restricted,
            _ => add(&mut list, word)?,
        }
    }
    if reverse || fast_select != FastSelect::No {
        let charging = Facility::Charging {
            reverse,
            fast_select,
        };
        list.push(&charging).map_err(|error| error.to_string())?;
    }
    Ok(list.get().octets().to_vec())
}

fn add(list: &mut FacilityList, word: &str) -> Result<(), String> {
    let wrong = || format!("'{word}' is no facility: {FORMS}");
    let Some((name, value)) = word.split_once('=') else {
        let octets = crate::hex(word).filter(|octets| !octets.is_empty());
        let octets = octets.ok_or_else(wrong)?;
        let parsed = Facilities::parse(&octets).map_err(|error| format!("'{word}': {error}"))?;
        return list
            .append(&parsed, |_| true)
            .map_err(|error| format!("'{word}': {error}"));
    };
    let (first, second) = value.split_once('/').unwrap_or((value, value));
    let number = |text: &str| text.parse::<u16>().ok();
    let two = number(first).zip(number(second));
    let facility = match name {
        "packet" => two.and_then(|(calling, called)| {
            let size = |octets: u16| PacketSize::from_octets(octets.into());
            Some(Facility::PacketSize(Directions {
                calling: size(calling)?,
                called: size(called)?,
            }))
        }),
        "window" => two.and_then(|(calling, called)| {
            let window = |packets| u8::try_from(packets).ok().filter(|w| (1..128).contains(w));
            Some(Facility::WindowSize(Directions {
                calling: window(calling)?,
                called: window(called)?,
            }))
        }),
        "throughput" => two.and_then(|(calling, called)| {
            let class = |class| u8::try_from(class).ok().and_then(ThroughputClass::new);
            Some(Facility::Throughput(Directions {
                calling: class(calling)?,
                called: class(called)?,
            }))
        }),
        "cug" => number(value)
            .filter(|group| *group < 10_000)
            .map(Facility::ClosedUserGroup),
        _ => None,
    };
    let facility = facility.ok_or_else(wrong)?;
    list.push(&facility)
        .map_err(|error| format!("'{word}': {error}"))
}

/// Whether a call with these facilities may carry 128 octets of user data.
pub fn are_fast(octets: &[u8]) -> bool {
    let parsed = Facilities::parse(octets).unwrap_or(Facilities::NONE);
    parsed.fast_select() != FastSelect::No
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(words: &[&str]) -> Result<Vec<u8>, String> {
        read(
            &words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    /// The second number is of what the called DTE sends, which comes first in the packet.
    #[test]
    fn as_the_standard_writes_them() {
        let cases: &[(&[&str], &str)] = &[
            (&["packet=1024/256"], "42080a"),
            (&["window=7"], "430707"),
            (&["throughput=11/10"], "02ab"),
            (&["reverse"], "0101"),
            (&["fast"], "0180"),
            (&["fast-restricted", "reverse"], "01c1"),
            (&["cug=42"], "0342"),
            (&["cug=1234"], "471234"),
            (&["C9 03 80 01 02", "44 12 34"], "c903800102441234"),
            (&[], ""),
        ];
        for (words, hex) in cases {
            assert_eq!(crate::unhex(&octets(words).unwrap()), *hex, "{words:?}");
        }
        assert!(are_fast(&[0x01, 0x80]) && !are_fast(&[0x01, 0x01]) && !are_fast(&[]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = [
            "packet=100",
            "packet=8192",
            "window=0",
            "window=128",
            "throughput=2",
            "cug=10000",
            "speed=1",
            "",
            "42",
            "c9ff00",
            "zz",
        ];
        for word in wrong {
            let why = octets(&[word]).unwrap_err();
            assert!(why.contains(&format!("'{word}'")), "{why}");
        }
    }
}
