//! What a command shows, apart from how: as text with the originals' layout, XML or JSON.

use std::time::SystemTime;

use serde_json::{Map, Value as Json};

use crate::request::Target;

/// How a labelled value is laid out in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The label right-justified in this many columns, a colon, this many blanks, the value.
    Aligned(usize, usize),
    /// This before the label, a colon, this many blanks, the value.
    Plain(&'static str, usize),
    /// Not shown in text: other lines say it.
    Silent,
}

/// A value: as people read it, and as programs do.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    text: String,
    json: Json,
}

impl Value {
    /// A word of two, shown to programs as true (the first) or false.
    pub fn either(holds: bool, yes: &str, no: &str) -> Self {
        Self {
            text: if holds { yes } else { no }.to_owned(),
            json: holds.into(),
        }
    }

    /// As people read it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As programs read it.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// A text for people and something else for programs.
    pub fn both(text: impl Into<String>, json: impl Into<Json>) -> Self {
        Self {
            text: text.into(),
            json: json.into(),
        }
    }
}

macro_rules! numbers {
    ($($ty:ty),+) => {$(
        impl From<$ty> for Value {
            fn from(number: $ty) -> Self {
                Self::both(number.to_string(), number)
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::both(text, text)
    }
}

#[derive(Clone, Debug)]
enum Item {
    Row {
        key: &'static str,
        label: String,
        value: Value,
        form: Form,
    },
    Text(String),
    List(&'static str, Vec<Json>),
}

/// The answer to a command.
#[derive(Clone, Debug)]
pub struct Report {
    title: &'static str,
    xml_title: &'static str,
    form: Form,
    /// Before the banner.
    lines: &'static str,
    banner: bool,
    items: Vec<Item>,
}

impl Report {
    /// An empty report with its title in the banner and in XML. The key of JSON is the XML title
    /// in snake case.
    pub fn new(title: &'static str, xml_title: &'static str, form: Form) -> Self {
        Self {
            title,
            xml_title,
            form,
            lines: "",
            banner: true,
            items: Vec::new(),
        }
    }

    /// The same with another title in its banner.
    #[must_use]
    pub fn titled(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    /// The same behind these lines.
    #[must_use]
    pub fn after(self, lines: &'static str) -> Self {
        Self { lines, ..self }
    }

    /// The same without its banner in text.
    #[must_use]
    pub fn without_banner(self) -> Self {
        Self {
            banner: false,
            ..self
        }
    }

    /// The layout of the rows from here on.
    pub fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    /// Adds a labelled value.
    pub fn row(&mut self, key: &'static str, label: impl Into<String>, value: impl Into<Value>) {
        self.items.push(Item::Row {
            key,
            label: label.into(),
            value: value.into(),
            form: self.form,
        });
    }

    /// Adds a line with two values in columns: received and sent. `label` has what stands before
    /// the values, `keys` what programs call them.
    pub fn columns(
        &mut self,
        keys: [&'static str; 2],
        label: &str,
        gap: &str,
        values: [impl Into<Value>; 2],
    ) {
        let [rx, tx] = values.map(Into::into);
        self.text(format!("{label}: {}{gap}{}\n", rx.text, tx.text));
        let form = std::mem::replace(&mut self.form, Form::Silent);
        let [rx_key, tx_key] = keys;
        let name = label.trim_end();
        self.row(rx_key, format!("{name} received"), rx);
        self.row(tx_key, format!("{name} transmitted"), tx);
        self.form = form;
    }

    /// Adds lines that only people see, with their newlines.
    pub fn text(&mut self, text: impl Into<String>) {
        self.items.push(Item::Text(text.into()));
    }

    /// Adds a list that only JSON shows; people get it from rows or lines.
    pub fn list(&mut self, key: &'static str, values: Vec<Json>) {
        self.items.push(Item::List(key, values));
    }

    /// As the originals show it, banner included.
    pub fn to_text(&self, interface: &str) -> String {
        let mut text = self.lines.to_owned();
        if self.banner {
            let dashes = "-".repeat(self.title.len() + interface.len() + 16);
            text.push_str(&format!(
                "\n\t{dashes}\n\t\t{interface}: {}\n\t{dashes}\n\n",
                self.title
            ));
        }
        for item in &self.items {
            match item {
                Item::Row {
                    label, value, form, ..
                } => match *form {
                    Form::Aligned(width, gap) => {
                        text.push_str(&format!("{label:>width$}:{:gap$}{}\n", "", value.text));
                    }
                    Form::Plain(indent, gap) => {
                        text.push_str(&format!("{indent}{label}:{:gap$}{}\n", "", value.text));
                    }
                    Form::Silent => {}
                },
                Item::Text(lines) => text.push_str(lines),
                Item::List(..) => {}
            }
        }
        text
    }

    /// The header element with its values.
    pub fn to_xml(&self) -> String {
        let mut xml = format!(" <header name=\"{}\">\n", escape(self.xml_title));
        for item in &self.items {
            if let Item::Row { label, value, .. } = item {
                xml.push_str(&format!(
                    "    <value name=\"{}\">\n      {}\n    </value>\n",
                    escape(label.trim()),
                    escape(&value.text)
                ));
            }
        }
        xml.push_str(" </header>\n");
        xml
    }

    /// The values by their keys.
    pub fn to_json(&self) -> Map<String, Json> {
        let mut values = Map::new();
        for item in &self.items {
            match item {
                // Rows of a list have no key of their own.
                Item::Row { key: "", .. } => {}
                Item::Row { key, value, .. } => {
                    values.insert((*key).to_owned(), value.json.clone());
                }
                Item::List(key, list) => {
                    values.insert((*key).to_owned(), Json::Array(list.clone()));
                }
                Item::Text(_) => {}
            }
        }
        values
    }

    /// The JSON object around the values: who answered what.
    pub fn to_json_object(&self, name: &str, target: &Target, command: &str) -> Json {
        let mut object = Map::new();
        object.insert("monitor".into(), name.into());
        let (interface, address) = match target {
            Target::Local(interface) => (Json::from(interface.as_str()), Json::Null),
            Target::Remote(address) => (Json::Null, address.to_string().into()),
        };
        object.insert("interface".into(), interface);
        object.insert("address".into(), address);
        object.insert("command".into(), command.into());
        object.insert("report".into(), snake_case(self.xml_title).into());
        object.insert("values".into(), self.to_json().into());
        object.into()
    }
}

/// Octets that somebody else chose, as text: without control characters.
pub fn printable(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

fn snake_case(title: &str) -> String {
    title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>()
        .join("_")
}

/// Text as XML content or attribute value.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// An error as the originals' XML shows it.
pub fn xml_error(text: &str) -> String {
    format!("    <error>\n      {}\n    </error>\n", escape(text))
}

/// The whole XML document around header elements.
pub fn xml_document(host: &str, now: SystemTime, content: &str) -> String {
    let stamp = humantime::format_rfc3339_seconds(now).to_string();
    let mut fields = stamp.split(|c: char| !c.is_ascii_digit());
    let mut date = String::new();
    for name in ["year", "month", "day", "hour", "minute", "sec"] {
        let field = fields.next().unwrap_or_default();
        date.push_str(&format!("  <{name}>{field}</{name}>\n"));
    }
    format!(
        "<router name=\"{}\">\n <date>\n{date} </date>\n <output>\n{content} </output>\n</router>\n",
        escape(host)
    )
}
