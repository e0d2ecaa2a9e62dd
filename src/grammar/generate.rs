//! Completions and man pages out of argument descriptions.
//!
//! The text is committed; a test of the executable makes it again and compares, so that an
//! option, a command or an applet cannot be added without them.

use std::borrow::Cow;
use std::str::FromStr;

use argh::{
    CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality, PositionalInfo, SubCommandInfo,
};
use argh_complete::Generator;
use argh_complete::{bash::Bash, fish::Fish, zsh::Zsh};
use roff::{Roff, roman};

use crate::Applet;

/// The date in the foot of every page: that of the last change worth telling readers of.
const DATE: &str = "November 21, 2026";

/// What can be generated for an applet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page of section 8, in mdoc(7).
    Man,
    /// Completion for bash.
    Bash,
    /// Completion for zsh.
    Zsh,
    /// Completion for fish.
    Fish,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Man, Self::Bash, Self::Zsh, Self::Fish];

    /// The file it is looked for in, within the directory for this form.
    pub fn file_name(self, applet: &str) -> String {
        match self {
            Self::Man => format!("{applet}.8"),
            Self::Bash => applet.to_owned(),
            Self::Zsh => format!("_{applet}"),
            Self::Fish => format!("{applet}.fish"),
        }
    }

    /// Its text for an applet; none for one that has no [`Page`].
    pub fn text(self, applet: &Applet) -> String {
        let Some(page) = &applet.page else {
            return String::new();
        };
        let info = CommandInfoWithArgs {
            name: applet.name,
            ..(page.args)()
        };
        let text = match self {
            Self::Man => man(applet, page.manual, &info),
            Self::Bash => Bash::generate(applet.name, &info),
            Self::Zsh => Zsh::generate(applet.name, &info),
            Self::Fish => Fish::generate(applet.name, &info),
        };
        // Neither the generators' trailing blanks nor missing last newlines.
        text.lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "man" => Ok(Self::Man),
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            _ => Err(format!("'{text}' is not one of man, bash, zsh, fish")),
        }
    }
}

/// Adds the words that an applet takes as its first positional argument (verbs, command
/// letters), each with a line of what it does: for completion and the man page.
pub fn with_commands(
    info: CommandInfoWithArgs,
    commands: &[(&'static str, &'static str)],
) -> CommandInfoWithArgs {
    let more = commands.iter().map(|(name, description)| SubCommandInfo {
        name,
        command: CommandInfoWithArgs {
            name,
            description,
            ..CommandInfoWithArgs::default()
        },
    });
    let mut info = info;
    info.commands.extend(more);
    info
}

/// The order that mdoc(7) wants sections in; others follow the commands.
const ORDER: &[&str] = &[
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "COMMANDS",
    "",
    "ENVIRONMENT",
    "FILES",
    "EXIT STATUS",
    "EXAMPLES",
    "DIAGNOSTICS",
    "COMPATIBILITY",
    "SEE ALSO",
    "STANDARDS",
    "HISTORY",
    "AUTHORS",
    "CAVEATS",
    "BUGS",
    "SECURITY CONSIDERATIONS",
];

fn rank(title: &str) -> usize {
    let other = ORDER.iter().position(|t| t.is_empty()).unwrap_or(0);
    ORDER.iter().position(|t| *t == title).unwrap_or(other)
}

/// A section's title and its lines.
type Part = (String, String);

/// The page: what the description gives, and the applet's prose, which wins section by section.
fn man(applet: &Applet, manual: &str, info: &CommandInfoWithArgs) -> String {
    let mut parts = prose(manual);
    let mut generated = vec![
        ("NAME", name(applet)),
        ("SYNOPSIS", synopsis(info)),
        ("DESCRIPTION", text(&sentence(info.description))),
        ("OPTIONS", options(info)),
        ("EXIT STATUS", exit_status(info)),
    ];
    if !info.commands.is_empty() {
        generated.push(("COMMANDS", commands(info)));
    }
    for (title, body) in generated {
        if !parts.iter().any(|(t, _)| t == title) {
            parts.push((title.to_owned(), body));
        }
    }
    parts.sort_by_key(|(title, _)| rank(title));
    let mut page = format!(
        ".\\\" Generated from the argument descriptions; see wanbox(8).\n.Dd {DATE}\n.Dt {} 8\n.Os\n",
        applet.name.to_uppercase()
    );
    for (title, body) in parts {
        page.push_str(&format!(".Sh {title}\n{body}"));
    }
    page
}

/// The hand-written sections.
fn prose(manual: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in manual.lines() {
        if let Some(title) = line.strip_prefix(".Sh ") {
            parts.push((title.trim().to_owned(), String::new()));
        } else if let Some((_, body)) = parts.last_mut()
            && !line.trim().is_empty()
        {
            body.push_str(line);
            body.push('\n');
        }
    }
    parts
}

fn name(applet: &Applet) -> String {
    let summary = applet.summary.trim_end_matches('.');
    macros(&["Nm", applet.name]) + &macros(&["Nd", summary])
}

fn shown(info: &CommandInfoWithArgs) -> impl Iterator<Item = &FlagInfo<'static>> {
    info.flags.iter().filter(|flag| !flag.hidden)
}

fn synopsis(info: &CommandInfoWithArgs) -> String {
    let mut lines = macros(&["Nm"]);
    for flag in shown(info) {
        lines.push_str(&macros(&flag_words(flag)));
    }
    if !info.commands.is_empty() {
        lines.push_str(&macros(&["Op", "Ar", "command"]));
    }
    for positional in info.positionals.iter().filter(|p| !p.hidden) {
        lines.push_str(&macros(&positional_words(positional)));
    }
    lines
}

/// An option as it stands in a synopsis.
fn flag_words(flag: &FlagInfo<'static>) -> Vec<Cow<'static, str>> {
    let mut words: Vec<Cow<'static, str>> = Vec::new();
    if flag.optionality != Optionality::Required {
        words.push("Op".into());
    }
    words.push("Fl".into());
    words.push(match flag.short {
        Some(short) => String::from(short).into(),
        None => format!("-{}", flag.long.trim_start_matches('-')).into(),
    });
    if let FlagInfoKind::Option { arg_name } = flag.kind {
        words.extend(["Ar".into(), arg_name.into()]);
    }
    words
}

/// A positional argument as it stands in a synopsis.
fn positional_words(positional: &PositionalInfo<'static>) -> Vec<Cow<'static, str>> {
    let words: &[&'static str] = match positional.optionality {
        Optionality::Required => &["Ar", positional.name],
        Optionality::Optional => &["Op", "Ar", positional.name],
        Optionality::Repeating | Optionality::Greedy => &["Op", "Ar", positional.name, "..."],
    };
    words.iter().map(|&word| word.into()).collect()
}

fn options(info: &CommandInfoWithArgs) -> String {
    macros(&["Bl", "-tag", "-width", "Ds"]) + &described(info, |_| true) + &macros(&["El"])
}

/// The items of a list: options and positional arguments, each with its description.
fn described(info: &CommandInfoWithArgs, wanted: impl Fn(&FlagInfo<'static>) -> bool) -> String {
    let mut lines = String::new();
    for flag in shown(info).filter(|flag| wanted(flag)) {
        let long = format!("-{}", flag.long.trim_start_matches('-'));
        let short = flag.short.map(String::from);
        let mut words = vec!["It"];
        if let Some(short) = &short {
            words.extend(["Fl", short, ","]);
        }
        words.extend(["Fl", &long]);
        if let FlagInfoKind::Option { arg_name } = flag.kind {
            words.extend(["Ar", arg_name]);
        }
        lines.push_str(&macros(&words));
        lines.push_str(&text(&sentence(flag.description)));
    }
    for positional in info.positionals.iter().filter(|p| !p.hidden) {
        if !positional.description.is_empty() {
            lines.push_str(&macros(&["It", "Ar", positional.name]));
            lines.push_str(&text(&sentence(positional.description)));
        }
    }
    lines
}

/// The commands, each with its own options and arguments. Commands that have commands
/// themselves are applets, which have pages of their own.
fn commands(info: &CommandInfoWithArgs) -> String {
    let applets = info
        .commands
        .iter()
        .any(|sub| !sub.command.commands.is_empty());
    let own = |flag: &FlagInfo<'static>| flag.long.trim_start_matches('-') != "help";
    let mut lines = macros(&["Bl", "-tag", "-width", "Ds"]);
    for SubCommandInfo { name, command } in &info.commands {
        let mut words: Vec<Cow<'static, str>> = ["It", "Cm", name].map(Cow::from).into();
        let mut items = String::new();
        if !applets {
            let flags = shown(command).filter(|flag| own(flag)).map(flag_words);
            let positionals = command.positionals.iter().filter(|p| !p.hidden);
            words.extend(
                flags
                    .chain(positionals.map(positional_words))
                    .flat_map(enclosed),
            );
            items = described(command, own);
        }
        lines.push_str(&macros(&words));
        lines.push_str(&text(&sentence(command.description)));
        if !items.is_empty() {
            lines.push_str(&macros(&["Bl", "-tag", "-width", "Ds", "-compact"]));
            lines.push_str(&items);
            lines.push_str(&macros(&["El"]));
        }
    }
    lines + &macros(&["El"])
}

/// What is optional, when more follows on its line.
fn enclosed(mut words: Vec<Cow<'static, str>>) -> Vec<Cow<'static, str>> {
    if let Some(first) = words.first_mut().filter(|first| *first == "Op") {
        *first = "Oo".into();
        words.push("Oc".into());
    }
    words
}

fn exit_status(info: &CommandInfoWithArgs) -> String {
    const USUAL: [(i32, &str); 4] = [
        (0, "Done."),
        (1, "Failed."),
        (2, "Wrong usage."),
        (3, "Not running, or no such device."),
    ];
    let own: Vec<(i32, &str)> = info
        .error_codes
        .iter()
        .map(|code| (code.code, code.description))
        .collect();
    let codes = if own.is_empty() { &USUAL[..] } else { &own };
    let mut lines = macros(&["Bl", "-tag", "-width", "Ds"]);
    for (code, description) in codes {
        lines.push_str(&macros(&["It", &code.to_string()]));
        lines.push_str(&text(&sentence(description)));
    }
    lines + &macros(&["El"])
}

/// As a sentence: descriptions of options are phrases.
fn sentence(phrase: &str) -> String {
    let phrase = phrase.trim();
    let mut letters = phrase.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    // A word with capitals or digits of its own stays as it is written.
    let plain = phrase
        .split(' ')
        .next()
        .is_some_and(|w| w.bytes().all(|b| b.is_ascii_lowercase()));
    let head = if plain {
        first.to_uppercase().to_string()
    } else {
        first.to_string()
    };
    let end = if phrase.ends_with(['.', ':', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{head}{}{end}", letters.as_str())
}

/// Text lines, a sentence each and at most [`WIDTH`] characters, as mdoc(7) wants them.
fn text(text: &str) -> String {
    let mut out = String::new();
    for sentence in text.replace(". ", ".\n").lines() {
        let mut line = String::new();
        for word in sentence.split_whitespace() {
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                out.push_str(&Roff::new().text([roman(line.as_str())]).to_roff());
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            out.push_str(&Roff::new().text([roman(line.as_str())]).to_roff());
        }
    }
    out
}

/// How long a text line gets, leaving room for escaped hyphens.
const WIDTH: usize = 70;

/// A macro line. Words that mdoc(7) would take for macros or punctuation are protected, except
/// those that are meant so: a few macros used here, and the comma.
fn macros<W: AsRef<str>>(words: &[W]) -> String {
    const MEANT: &[&str] = &[
        "Nm", "Nd", "Bl", "El", "It", "Fl", "Ar", "Op", "Oo", "Oc", "Cm", ",",
    ];
    let mut line = String::from(".");
    for (n, word) in words.iter().map(AsRef::as_ref).enumerate() {
        if n > 0 {
            line.push(' ');
        }
        let escaped = word.replace('\\', "\\e").replace('"', "\\(dq");
        let callable = (2..=3).contains(&word.len())
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            || matches!(
                word,
                "." | ":" | ";" | "(" | ")" | "[" | "]" | "?" | "!" | "|"
            );
        if callable && !MEANT.contains(&word) {
            line.push_str("\\&");
        }
        line.push_str(&escaped);
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use argh::{ArgsInfo, FromArgs};

    use crate::{Exit, Page};

    /// watches a thing
    #[derive(FromArgs, ArgsInfo)]
    struct Watch {
        /// where to ask. Either an address or a name
        #[argh(option, short = 'i', arg_name = "where")]
        interface: String,
        /// all of it
        #[argh(switch)]
        full: bool,
        /// not for people
        #[argh(switch, hidden_help)]
        secret: bool,
        /// what to watch
        #[argh(positional)]
        words: Vec<String>,
    }

    fn applet() -> Applet {
        Applet {
            name: "watch",
            summary: "watch a thing",
            page: Some(Page {
                args: || {
                    with_commands(
                        Watch::get_args_info(),
                        &[("No", "nothing"), ("all", "it all")],
                    )
                },
                manual: ".Sh FILES\n.Pa /etc/watch\n.Sh PROSE\nText.\n.Sh DESCRIPTION\nLong.\n",
            }),
            run: |_| Exit::DONE,
        }
    }

    #[test]
    fn a_page_has_everything_in_order() {
        let page = Form::Man.text(&applet());
        let titles: Vec<&str> = page
            .lines()
            .filter_map(|l| l.strip_prefix(".Sh "))
            .collect();
        assert_eq!(
            titles,
            [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "COMMANDS",
                "PROSE",
                "FILES",
                "EXIT STATUS"
            ]
        );
        for line in [
            ".Dt WATCH 8",
            ".Fl i Ar where",
            ".Op Fl -full",
            ".It Fl i , Fl -interface Ar where",
            "Where to ask.",
            "Either an address or a name.",
            ".It Cm \\&No",
            "Long.",
        ] {
            assert!(page.lines().any(|l| l == line), "{line}\n{page}");
        }
        assert!(!page.contains("secret") && !page.contains("watches a thing"));
    }

    #[test]
    fn the_description_is_that_of_a_command() {
        let args = ["-iwp1", "-full", "x"].map(str::to_owned);
        let watch: Watch = crate::argv::read("watch", &args).unwrap();
        assert_eq!((watch.interface.as_str(), watch.words.len()), ("wp1", 1));
        assert!(watch.full && !watch.secret);
    }

    /// shows a thing
    #[derive(FromArgs, ArgsInfo)]
    #[argh(subcommand, name = "show")]
    struct Show {
        /// for programs
        #[argh(switch)]
        json: bool,
        /// which one
        #[argh(positional)]
        thing: Option<String>,
    }

    #[test]
    fn commands_have_their_options() {
        let info = CommandInfoWithArgs {
            commands: vec![SubCommandInfo {
                name: "show",
                command: Show::get_args_info(),
            }],
            ..CommandInfoWithArgs::default()
        };
        assert_eq!(
            commands(&info),
            ".Bl -tag -width \\&Ds\n.It Cm show Oo Fl -json Oc Oo Ar thing Oc\nShows a thing.\n\
             .Bl -tag -width \\&Ds -compact\n.It Fl -json\nFor programs.\n\
             .It Ar thing\nWhich one.\n.El\n.El\n"
        );
        let show: Show = crate::argv::read("show", &["--json".to_owned(), "x".to_owned()]).unwrap();
        assert!(show.json && show.thing.as_deref() == Some("x"));
    }

    #[test]
    fn completions_know_options_and_commands() {
        for form in [Form::Bash, Form::Zsh, Form::Fish] {
            let text = form.text(&applet());
            assert!(text.contains("full") && text.contains("all"), "{form:?}");
        }
    }
}
