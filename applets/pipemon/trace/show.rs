//! A captured frame as text or JSON.

use std::ops::Range;
use std::time::SystemTime;

use serde_json::{Value as Json, json};
use wanbox_wire::pipemon::trace::{ABORT, CRC_ERROR, Element, OVERRUN};

use super::characters::Characters;
use super::decode::{Decoded, ip_detail};
use crate::monitor::Monitor;

/// Octets in a line.
const LINE: usize = 16;
/// Characters in a line.
const ROW: usize = 64;
/// Octets shown unless the whole frame is asked for.
const SHORT: usize = 39;

/// How frames are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Say what the frames mean.
    pub interpret: bool,
    /// Say what the IP packets in them mean.
    pub ip: bool,
    /// Every octet.
    pub full: bool,
    /// A line a frame.
    pub brief: bool,
    /// The octets too, below that line.
    pub hex: bool,
    /// What users send each other as characters.
    pub characters: Option<Characters>,
    /// The time of day.
    pub systime: bool,
}

/// What was wrong with the frame on the line.
fn errors(status: u8) -> impl Iterator<Item = &'static str> {
    [
        (ABORT, "Abort"),
        (CRC_ERROR, "Bad CRC"),
        (OVERRUN, "Overrun"),
    ]
    .into_iter()
    .filter(move |(bit, _)| status & bit != 0)
    .map(|(_, name)| name)
}

/// A frame as text, in the layout of the originals or in one line.
pub fn text(
    style: Style,
    element: &Element<'_>,
    time: SystemTime,
    decoded: &Decoded<'_>,
) -> String {
    let stamp = if style.systime {
        humantime::format_rfc3339_millis(time).to_string()
    } else {
        format!("{:>5}", element.timestamp)
    };
    if style.brief {
        return brief(style, element, &stamp, decoded);
    }
    let way = if element.outgoing() {
        "OUTGOING"
    } else {
        "INCOMING"
    };
    let mut text = format!("\n{way}\tLen={}\tTimeStamp={stamp}\n", element.real_length);
    let mut wrong = errors(element.status).peekable();
    if wrong.peek().is_some() {
        let wrong: Vec<_> = wrong.collect();
        text.push_str(&format!("\t\tReceive error - {}\n", wrong.join(" ")));
    }
    if element.lost != 0 {
        text.push_str(&format!("\t\t{} frames lost before\n", element.lost));
    }
    if element.octets.is_empty() {
        text.push_str("the frame data is not available\n\n");
        return text;
    }
    if style.interpret {
        text.push_str(&decoded.detail);
        if style.ip
            && let Some(packet) = decoded.ip
        {
            text.push_str(&ip_detail(packet));
        }
    }
    text.push_str("Raw (HEX)\t");
    let (raw, data) = parts(style, element, decoded);
    octets(style, raw, secret(style, decoded), "\t\t", &mut text);
    if let Some((characters, data)) = data {
        text.push_str(&format!("Data ({})\t", characters.name()));
        read(characters, data, "\t\t", &mut text);
        let shown = raw.len() + data.len();
        close(shown < element.octets.len(), &mut text);
    }
    text.push('\n');
    text
}

/// What is shown of a frame as octets, and behind that, where it is wanted, as characters.
fn parts<'e>(
    style: Style,
    element: &Element<'e>,
    decoded: &Decoded<'_>,
) -> (&'e [u8], Option<(Characters, &'e [u8])>) {
    let all = element.octets;
    let length = decoded.user.map_or(0, <[u8]>::len);
    let start = all.len().checked_sub(length);
    let divided = start.and_then(|start| all.split_at_checked(start));
    match (style.characters, divided) {
        (Some(characters), Some((head, data))) if !data.is_empty() => {
            let most = SHORT.saturating_sub(head.len());
            let data = data.get(..most).filter(|_| !style.full).unwrap_or(data);
            (head, Some((characters, data)))
        }
        _ => (all, None),
    }
}

/// Octets as characters, in lines; the lines after the first begin with `indent`.
fn read(characters: Characters, octets: &[u8], indent: &str, text: &mut String) {
    for (index, line) in octets.chunks(ROW).enumerate() {
        if index > 0 {
            text.push('\n');
            text.push_str(indent);
        }
        text.extend(line.iter().map(|octet| characters.read(*octet)));
    }
}

/// What is not shown of a frame: raw traces show it as it is.
fn secret(style: Style, decoded: &Decoded<'_>) -> Range<usize> {
    if style.interpret {
        decoded.secret.clone()
    } else {
        0..0
    }
}

/// Octets in lines; the lines after the first begin with `indent`.
fn octets(style: Style, octets: &[u8], secret: Range<usize>, indent: &str, text: &mut String) {
    let shown = match octets.get(..SHORT) {
        Some(head) if !style.full => head,
        _ => octets,
    };
    for (index, line) in shown.chunks(LINE).enumerate() {
        if index > 0 {
            text.push('\n');
            text.push_str(indent);
        }
        for (place, octet) in (index * LINE..).zip(line) {
            if secret.contains(&place) {
                text.push_str("** ");
            } else {
                text.push_str(&format!("{octet:02X} "));
            }
        }
    }
    close(shown.len() < octets.len(), text);
}

/// Ends what is shown of a frame.
fn close(is_cut: bool, text: &mut String) {
    text.push_str(if is_cut { "...\n" } else { "\n" });
}

fn brief(style: Style, element: &Element<'_>, stamp: &str, decoded: &Decoded<'_>) -> String {
    let way = if element.outgoing() { "OUT" } else { "IN " };
    let mut text = format!("{stamp} {way} {:>4} ", element.real_length);
    for wrong in errors(element.status) {
        text.push_str(&format!("[{wrong}] "));
    }
    if element.octets.is_empty() {
        text.push_str("the frame data is not available");
    } else {
        text.push_str(&decoded.summary);
        if let (_, Some((characters, data))) = parts(style, element, decoded) {
            text.push_str("\n\t");
            read(characters, data, "\t", &mut text);
            close(data.len() < decoded.user.map_or(0, <[u8]>::len), &mut text);
            return text;
        }
        if style.hex {
            text.push_str("\n\t");
            octets(
                style,
                element.octets,
                secret(style, decoded),
                "\t",
                &mut text,
            );
            return text;
        }
    }
    text.push('\n');
    text
}

/// A frame as a JSON object.
pub fn json(
    monitor: Monitor,
    style: Style,
    element: &Element<'_>,
    time: SystemTime,
    decoded: &Decoded<'_>,
) -> Json {
    let secret = secret(style, decoded);
    let octets: String = (0..)
        .zip(element.octets)
        .map(|(place, octet)| match secret.contains(&place) {
            true => "**".to_owned(),
            false => format!("{octet:02x}"),
        })
        .collect();
    let mut object = json!({
        "time": humantime::format_rfc3339_millis(time).to_string(),
        "timestamp_ms": element.timestamp,
        "direction": if element.outgoing() { "out" } else { "in" },
        "length": element.real_length,
        "errors": errors(element.status).collect::<Vec<_>>(),
        "summary": decoded.summary,
        "octets": octets,
    });
    if let Some(object) = object.as_object_mut() {
        if monitor == Monitor::FrameRelay {
            object.insert("dlci".into(), decoded.dlci.into());
        }
        if monitor == Monitor::X25 {
            object.insert("lcn".into(), decoded.lcn.into());
            object.insert("lost".into(), element.lost.into());
            if let Some((characters, data)) = style.characters.zip(decoded.user) {
                let text: String = data.iter().map(|octet| characters.read(*octet)).collect();
                object.insert("text".into(), text.into());
            }
        }
        if monitor.is_ppp() {
            object.insert("protocol".into(), decoded.ppp.into());
        }
    }
    object
}
