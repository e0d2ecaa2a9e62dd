//! Commands of the desk itself: sessions, settings, files, and running other commands.

use std::time::Duration;

use serde_json::json;
use wanbox_net_commands::Stop;
use wanbox_net_console::editor::FUNCTION_KEYS;
use wanbox_net_console::table::{YES_OR_NO, list, yes_or_no};
use wanbox_net_console::telnet::Eol;
use wanbox_net_console::words::Word;
use wanbox_net_engine::domain::Lookup;
use wanbox_net_services::{Program, SessionId, reason};

use crate::console::{Kind, Line, Lines, Repeat, Wait};
use crate::turn::Turn;

/// How deeply files of commands may name each other.
const MOST_FILES: usize = 16;
/// The longest name of a host, octets.
const LONGEST_NAME: usize = 255;

/// How a command of the desk ends.
type Done = Result<(), Stop>;

fn failed<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Failed(text.into()))
}

fn text_at(words: &[Word], at: usize) -> Option<String> {
    words.get(at).map(|word| word.text().into_owned())
}

/// Somebody who came over the network gets the station, but neither programs nor files of the host.
pub(crate) fn may_run(kind: Kind, name: &str, words: &[Word]) -> Done {
    const NEVER: [&str; 7] = ["!", "shell", "delete", "mkdir", "rmdir", "rename", "source"];
    // Those that name a file, as which word, and the words there that are none.
    const FILES: [(&str, usize, &str); 4] = [
        ("log", 1, "stop"),
        ("record", 1, "off"),
        ("upload", 1, "stop"),
        ("trace", 3, ""),
    ];
    let file = FILES.iter().any(|(command, at, word)| {
        *command == name && text_at(words, *at).is_some_and(|text| text != *word)
    });
    // What others get, and where it is written down.
    let door = name == "login" && words.len() > 2;
    if kind == Kind::Login && (file || door || NEVER.contains(&name)) {
        return failed(format!(
            "{name}: files and programs of the host are not for logins"
        ));
    }
    Ok(())
}

/// The session that a word names, or the current one.
fn chosen(turn: &mut Turn<'_>, words: &[Word]) -> Result<SessionId, Stop> {
    let chosen = match text_at(words, 1) {
        Some(word) => {
            let number = word.parse().ok();
            number.and_then(|number| turn.desk.services.session(number))
        }
        None => turn.console()?.current,
    };
    chosen.ok_or_else(|| Stop::Failed("Invalid session".to_owned()))
}

/// The current session.
fn current(turn: &mut Turn<'_>) -> Result<SessionId, Stop> {
    let current = turn.console()?.current;
    current.ok_or_else(|| Stop::Failed("No current session".to_owned()))
}

pub(crate) fn go(turn: &mut Turn<'_>, _: &[Word]) -> Done {
    if let Some(session) = turn.console()?.current {
        turn.desk.converse(turn.now, turn.id, session);
    }
    Ok(())
}

pub(crate) fn shell(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let command = turn.rest(words, 1).to_owned();
    if command.is_empty() && !turn.kind.has_keyboard() {
        return Err(Stop::Usage("shell <command>"));
    }
    turn.console()?.wait = Some(Wait::Start(command));
    Ok(())
}

pub(crate) fn bye(turn: &mut Turn<'_>, _: &[Word]) -> Done {
    if turn.kind != Kind::Terminal {
        let console = turn.console()?;
        console.interrupt();
        console.ended = Some(!console.failed);
    }
    Ok(())
}

pub(crate) fn close(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let session = chosen(turn, words)?;
    let desk = &mut *turn.desk;
    let closed = desk
        .services
        .close_session(turn.now, &mut desk.station, session);
    closed.map_err(Stop::Failed)
}

pub(crate) fn reset(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let session = chosen(turn, words)?;
    let desk = &mut *turn.desk;
    let reset = desk
        .services
        .reset_session(turn.now, &mut desk.station, session);
    reset.map_err(Stop::Failed)
}

pub(crate) fn kick(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let session = chosen(turn, words)?;
    let desk = &mut *turn.desk;
    let kicked = desk
        .services
        .kick_session(turn.now, &mut desk.station, session);
    kicked.map_err(Stop::Failed)
}

pub(crate) fn delete(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let mut all = true;
    for word in words.iter().skip(1) {
        let name = word.text();
        if let Err(error) = turn.host.delete(&name) {
            turn.output.text += &format!("Can't delete {name}: {}\n", reason(&error));
            all = false;
        }
    }
    if all { Ok(()) } else { Err(Stop::Silent) }
}

pub(crate) fn mkdir(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let name = text_at(words, 1).unwrap_or_default();
    let made = turn.host.make_directory(&name);
    made.map_err(|error| Stop::Failed(format!("Can't make {name}: {}", reason(&error))))
}

pub(crate) fn rmdir(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let name = text_at(words, 1).unwrap_or_default();
    let removed = turn.host.remove_directory(&name);
    removed.map_err(|error| Stop::Failed(format!("Can't remove {name}: {}", reason(&error))))
}

pub(crate) fn rename(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let [from, to] = [1, 2].map(|at| text_at(words, at).unwrap_or_default());
    let renamed = turn.host.rename(&from, &to);
    renamed.map_err(|error| Stop::Failed(format!("Can't rename {from}: {}", reason(&error))))
}

pub(crate) fn echo(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let preferences = &mut turn.desk.services.preferences;
    match text_at(words, 1) {
        None => {
            let shown = if preferences.echo { "Accept" } else { "Refuse" };
            turn.output.line("echo", shown, shown.into());
        }
        Some(word) if word.starts_with('a') => preferences.echo = true,
        Some(word) if word.starts_with('r') => preferences.echo = false,
        Some(_) => return Err(Stop::Usage("echo [accept|refuse]")),
    }
    Ok(())
}

pub(crate) fn eol(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let preferences = &mut turn.desk.services.preferences;
    match text_at(words, 1) {
        None => {
            let shown = match preferences.eol {
                Eol::Standard => "standard",
                Eol::Null => "null",
            };
            turn.output.line("eol", shown, shown.into());
        }
        Some(word) if word.starts_with('s') => preferences.eol = Eol::Standard,
        Some(word) if word.starts_with('n') => preferences.eol = Eol::Null,
        Some(_) => return Err(Stop::Usage("eol [standard|null]")),
    }
    Ok(())
}

pub(crate) fn topt(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let shown = &mut turn.desk.services.preferences.options_shown;
    match text_at(words, 1) {
        None => {
            let (value, text) = (*shown, if *shown { "on" } else { "off" });
            let label = "Telnet option tracing";
            turn.output.value(label, text, value.into());
        }
        Some(word) => match yes_or_no(&word) {
            Some(wanted) => *shown = wanted,
            None => return failed(YES_OR_NO),
        },
    }
    Ok(())
}

pub(crate) fn escape(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let Some(word) = words.get(1) else {
        let escape = turn.desk.keyboard.escape().unwrap_or(0);
        let shown = format!("0x{escape:x}");
        turn.output.line("escape", shown, escape.into());
        return Ok(());
    };
    let escape = word.octets.first().copied().filter(|octet| *octet != 0);
    turn.desk.each_keyboard(|editor| editor.set_escape(escape));
    Ok(())
}

pub(crate) fn fkey(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let number = text_at(words, 1).and_then(|word| word.parse().ok());
    let number = number.filter(|number| (1..=FUNCTION_KEYS).contains(number));
    let (Some(number), Some(text)) = (number, words.get(2)) else {
        return failed(format!("key# must be 1..{FUNCTION_KEYS}"));
    };
    turn.desk.each_keyboard(|editor| {
        editor.set_function(number, &text.octets);
    });
    Ok(())
}

pub(crate) fn hostname(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let desk = &mut *turn.desk;
    let Some(word) = text_at(words, 1) else {
        let name = desk.host_name.as_str();
        turn.output.line("hostname", name, name.into());
        return Ok(());
    };
    let interface = desk.station.interfaces.by_name(&word);
    let interface = interface.and_then(|id| desk.station.interfaces.get(id));
    let interface = interface.map(|interface| interface.address());
    let name = match interface {
        Some(address) => {
            let station = &mut desk.station;
            match station.resolve_address(turn.now, address, turn.host.sink()) {
                Lookup::Known(name) => name,
                Lookup::Unknown => address.to_string(),
                Lookup::Asked(query) => return Err(Stop::Asked(query)),
            }
        }
        None => word,
    };
    let name = name.strip_suffix('.').unwrap_or(&name);
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
        return failed("hostname: a name has 1 to 255 characters that can be shown");
    }
    name.clone_into(&mut desk.host_name);
    if interface.is_some() {
        turn.output.text += &format!("Hostname set to {name}\n");
    }
    Ok(())
}

pub(crate) fn exit(turn: &mut Turn<'_>, _: &[Word]) -> Done {
    turn.host.exit();
    Ok(())
}

pub(crate) fn log(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let Some(word) = text_at(words, 1) else {
        let path = turn.host.log_path();
        let text = match &path {
            Some(path) => format!("Logging to {path}"),
            None => "Logging off".to_owned(),
        };
        turn.output.line("log", text, path.into());
        return Ok(());
    };
    let path = (word != "stop").then_some(word.as_str());
    let set = turn.host.set_log(path);
    set.map_err(|error| Stop::Failed(format!("Can't write to {word}: {}", reason(&error))))
}

pub(crate) fn record(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let session = current(turn)?;
    if let Some(name) = text_at(words, 1) {
        let file = match name.as_str() {
            "off" => None,
            _ => match turn.host.append(&name) {
                Ok(file) => Some((name, file)),
                Err(error) => return failed(format!("Can't open {name}: {}", reason(&error))),
            },
        };
        let recorded = turn.desk.services.record(session, file);
        recorded.map_err(Stop::Failed)?;
    }
    turn.output.text += &match turn.desk.services.recording(session) {
        Some(name) => format!("Recording into {name}\n"),
        None => "Recording off\n".to_owned(),
    };
    Ok(())
}

pub(crate) fn upload(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let session = current(turn)?;
    let may = turn.desk.services.may_upload(session);
    may.map_err(Stop::Failed)?;
    if let Some(name) = text_at(words, 1) {
        let file = match name.as_str() {
            "stop" => None,
            _ => match turn.host.open(&name) {
                Ok(file) => Some((name, file)),
                Err(error) => return failed(format!("Can't read {name}: {}", reason(&error))),
            },
        };
        let uploaded = turn.desk.services.upload(session, file);
        uploaded.map_err(Stop::Failed)?;
    }
    turn.output.text += &match turn.desk.services.uploading(session) {
        Some(name) => format!("Uploading {name}\n"),
        None => "Uploading off\n".to_owned(),
    };
    Ok(())
}

pub(crate) fn repeat(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let first = text_at(words, 1).unwrap_or_default();
    let timed = first.starts_with(|c: char| c.is_ascii_digit()) && words.len() > 2;
    let digits = first.find(|c: char| !c.is_ascii_digit());
    let number = first.get(..digits.unwrap_or(first.len()));
    let millis = match (timed, number) {
        (true, Some(number)) => number.parse().unwrap_or(u64::from(u32::MAX)),
        _ => 1000,
    };
    let line = Line {
        text: turn.rest(words, if timed { 2 } else { 1 }).to_owned(),
        ..Line::default()
    };
    let due = turn.now;
    turn.console()?.repeat = Some(Repeat {
        line,
        every: Duration::from_millis(millis.clamp(1, u64::from(u32::MAX))),
        due,
        live: false,
    });
    Ok(())
}

pub(crate) fn session(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let current = turn.console()?.current;
    let desk = &mut *turn.desk;
    let Some(word) = text_at(words, 1) else {
        if turn.output.wants_json {
            let views = desk.services.sessions(turn.now, &desk.station).into_iter();
            let list = views.map(|view| {
                let owner = desk.owners.get(view.id.number()).copied().flatten();
                json!({
                    "session": view.id.number(), "type": view.kind, "tcb": view.control_block,
                    "waiting": view.waiting, "state": view.state, "remote": view.remote,
                    "record": view.record, "upload": view.upload,
                    "console": owner.map(|owner| owner.0),
                })
            });
            turn.output.json = Some(list.collect());
        } else {
            let list = desk.services.session_list(turn.now, &desk.station, current);
            turn.output.text += &list;
        }
        return Ok(());
    };
    let number = word.parse().ok();
    let session = number.and_then(|number| desk.services.session(number));
    let Some(session) = session else {
        return failed(format!("Session {word} not active"));
    };
    let owner = desk.owners.get(session.number()).copied().flatten();
    match owner.filter(|owner| *owner != turn.id) {
        Some(owner) if desk.console(owner).is_some() => failed(format!(
            "Session {word} is at another console ({})",
            owner.0
        )),
        _ => {
            desk.take(turn.now, turn.id, session);
            Ok(())
        }
    }
}

/// `login`.
pub(crate) fn login(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    const NAMES: [&str; 12] = [
        "auto",
        "create",
        "defaultuser",
        "gid",
        "homedir",
        "logfiledir",
        "maxuid",
        "minuid",
        "password",
        "program",
        "shell",
        "telnet",
    ];
    let word = text_at(words, 1).unwrap_or_default();
    let mut names = NAMES.into_iter();
    let Some(name) = names.find(|name| !word.is_empty() && name.starts_with(&word)) else {
        let list = list(NAMES);
        turn.output.text += &format!("\"login\" subcommands:\n{list}");
        return Err(Stop::Silent);
    };
    let value = text_at(words, 2);
    if name == "password" {
        let password = value.ok_or(Stop::Usage("login password <password>|off"))?;
        let password = (password != "off").then_some(password);
        let set = turn.desk.services.set_password(password.as_deref());
        return set.map_err(Stop::Failed);
    }
    let rules = &mut turn.desk.services.rules;
    let output = &mut turn.output;
    let is_path = |text: &str| text.len() < 80 && !text.contains('\0');
    match name {
        "auto" | "create" => {
            let place = match name {
                "auto" => &mut rules.auto,
                _ => &mut rules.create,
            };
            match value.map(|word| yes_or_no(&word)) {
                None => {
                    let label = match name {
                        "auto" => "Auto login",
                        _ => "Create account",
                    };
                    let shown = if *place { "on" } else { "off" };
                    output.value(label, shown, (*place).into());
                }
                Some(None) => return failed(YES_OR_NO),
                Some(Some(wanted)) => {
                    *place = wanted;
                    if let ("create", true, Err(why)) = (name, wanted, rules.may_create()) {
                        rules.create = false;
                        return failed(format!("login create: {why}"));
                    }
                }
            }
        }
        "gid" | "maxuid" | "minuid" => {
            let (label, low, high, place) = match name {
                "gid" => ("Group ID", 0, u32::MAX, &mut rules.gid),
                "maxuid" => ("Max user ID", 1, 32_000, &mut rules.uids.1),
                _ => ("Min user ID", 1, 32_000, &mut rules.uids.0),
            };
            match value.map(|word| word.parse().ok()) {
                None => output.value(label, &place.to_string(), (*place).into()),
                Some(Some(number)) if (low..=high).contains(&number) => *place = number,
                Some(_) => return failed(format!("{label} must be {low}..{high}")),
            }
        }
        "telnet" => match value.as_deref() {
            None => {
                let shown = if rules.telnet_host { "host" } else { "console" };
                output.value("Login telnet", shown, shown.into());
            }
            Some("console") => rules.telnet_host = false,
            Some("host") if rules.privileged => rules.telnet_host = true,
            Some("host") => {
                return failed("login telnet: that takes a station that was started with --logins");
            }
            Some(_) => return Err(Stop::Usage("login telnet [console|host]")),
        },
        "program" => match words.get(2..).unwrap_or_default() {
            [] => {
                let shown = rules.program.to_string();
                output.value("Login program", &format!("\"{shown}\""), shown.into());
            }
            program => {
                let program: Vec<String> = program
                    .iter()
                    .map(|word| word.text().into_owned())
                    .collect();
                rules.program = match program.first().map(String::as_str) {
                    Some("console") if program.len() == 1 => Program::Console,
                    Some("shell") if program.len() == 1 => Program::Shell,
                    Some(path) if path.starts_with('/') => Program::Command(program),
                    _ => return Err(Stop::Usage("login program [console|shell|/<program> ...]")),
                };
            }
        },
        _ => {
            let (label, place) = match name {
                "defaultuser" => ("Default user name", &mut rules.default_user),
                "homedir" => ("Home directory", &mut rules.home_dir),
                "logfiledir" => ("Logfile directory", &mut rules.log_dir),
                _ => ("Login shell", &mut rules.shell),
            };
            match value {
                None => {
                    let line = format!("{label} \"{place}\"");
                    let key = label.to_ascii_lowercase().replace(' ', "_");
                    output.line(&key, line, place.clone().into());
                }
                Some(text) if name == "defaultuser" && !is_user(&text) => {
                    return failed(
                        "Default user name: at most 15 letters, digits, '.', '-' and '_'",
                    );
                }
                Some(text) if !is_path(&text) => {
                    return failed(format!("{label}: at most 79 characters"));
                }
                Some(text) => *place = text,
            }
        }
    }
    Ok(())
}

/// Whether a word may be the name of an account: none that a program takes for an option.
fn is_user(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    word.len() <= 15 && word.chars().all(plain) && !word.starts_with('-')
}

pub(crate) fn source(turn: &mut Turn<'_>, words: &[Word]) -> Done {
    let name = text_at(words, 1).unwrap_or_default();
    if turn.console()?.files.len() >= MOST_FILES {
        return failed(format!("source {name}: files are nested too deeply"));
    }
    match turn.host.read(&name) {
        Ok(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            turn.console()?.files.push(Lines::new(text, false, false));
            Ok(())
        }
        Err(error) => failed(format!("Can't open {name}: {}", reason(&error))),
    }
}
