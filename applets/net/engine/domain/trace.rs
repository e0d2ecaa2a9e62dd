//! Messages as text.

use std::fmt::Write as _;

use wanbox_wire::dns::{CLASS_IN, Data, Message, Record, flag};

/// Names of types 1 to 16.
const TYPES: [&str; 16] = [
    "A", "NS", "MD", "MF", "CNAME", "SOA", "MB", "MG", "MR", "NULL", "WKS", "PTR", "HINFO",
    "MINFO", "MX", "TXT",
];

fn type_name(kind: u16) -> String {
    let known = usize::from(kind)
        .checked_sub(1)
        .and_then(|at| TYPES.get(at));
    known.map_or_else(|| format!("{{{kind}}}"), |name| (*name).to_owned())
}

fn class_name(class: u16) -> String {
    if class == CLASS_IN {
        "IN".to_owned()
    } else {
        format!("<{class}>")
    }
}

fn record_line(record: &Record<'_>) -> String {
    let data = match &record.data {
        Data::Address(address) => address.to_string(),
        Data::Name(name) => name.clone(),
        Data::Other(octets) => format!("{} octets", octets.len()),
    };
    let (class, kind) = (class_name(record.class), type_name(record.kind));
    format!("{}\t{}\t{class}\t{kind}\t{data}\n", record.name, record.ttl)
}

/// A message that was sent or received.
#[must_use]
pub fn message(sent: bool, octets: &[u8]) -> String {
    let mut text = if sent { "sent: " } else { "recv: " }.to_owned();
    let Ok(message) = Message::parse(octets) else {
        return text + "bad message\n";
    };
    let bit = |bit| u8::from(message.has(bit));
    let _ = writeln!(
        text,
        "id {} qr {} opcode {} aa {} tc {} rd {} ra {} rcode {}",
        message.id(),
        bit(flag::RESPONSE),
        message.opcode(),
        bit(flag::AUTHORITATIVE),
        bit(flag::TRUNCATED),
        bit(flag::RECURSION_DESIRED),
        bit(flag::RECURSION_AVAILABLE),
        message.rcode()
    );
    let Ok((questions, sections)) = message.read() else {
        return text + "bad message\n";
    };
    if !questions.is_empty() {
        let _ = writeln!(text, "{} questions:", questions.len());
    }
    for question in questions {
        let (kind, class) = (type_name(question.kind), class_name(question.class));
        let _ = writeln!(text, "{} type {kind} class {class}", question.name);
    }
    for (name, records) in ["answers", "authority", "additional"].iter().zip(sections) {
        if !records.is_empty() {
            let _ = writeln!(text, "{} {name}:", records.len());
        }
        text.extend(records.iter().map(record_line));
    }
    text
}
