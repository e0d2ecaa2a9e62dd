//! `cfgft1`: the settings of a line's CSU/DSU (FT1 unit), and the file that records them.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use serde_json::json;
use wanbox_console::menu::{Field, Menu};
use wanbox_console::terminal::{Key, Screen};
use wanbox_grammar::{Applet, Exit, argv, report as say, value};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::terminal::{Interrupt, Wake};
use wanbox_wire::pipemon::cisco_hdlc::Ft1Config;

use crate::client::Client;
use crate::failure::Failure;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::request::Request;
use crate::session::write;

mod record;
#[cfg(test)]
mod tests;
mod unit;

use unit::{Found, Unit};

const NAME: &str = "cfgft1";
/// The longest record, octets.
const MAX_RECORD: u64 = 64 * 1024;
/// How often a unit that searches is asked, and how long at most.
const POLL: Duration = Duration::from_millis(500);
const POLLS: u32 = 240;
/// The longest text of interfaces that is read, octets.
const MAX_TEXT: u64 = 1 << 20;

/// The applet.
pub const APPLET: Applet = Applet {
    name: NAME,
    summary: "set a line's CSU/DSU and record its settings",
    page: wanbox_grammar::page!(Args::get_args_info, "../man/cfgft1.mdoc"),
    run: |args| run(args, &mut std::io::stdout().lock()),
};

/// Sets the CSU/DSU (FT1 unit) of a line and records its settings. With a file the settings are
/// taken from there; without one, and without an option that says what to do, from menus.
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// read the unit's settings, show and record them
    #[argh(switch)]
    read: bool,

    /// have the unit find its line's settings, show and record them
    #[argh(switch)]
    auto: bool,

    /// set one setting (framing, encoding, line build, channel, baud, clocking) on top of the
    /// record; may be repeated
    #[argh(option, arg_name = "key=value")]
    set: Vec<String>,

    /// only say what is wrong with the file, or with the record
    #[argh(switch)]
    check: bool,

    /// only show the record
    #[argh(switch)]
    show: bool,

    /// show settings as one line of JSON
    #[argh(switch)]
    json: bool,

    /// the interface to ask through, or the far end's IPv4 address (default: the device's first
    /// interface)
    #[argh(option, short = 'i', arg_name = "interface")]
    interface: Option<String>,

    /// how long to wait for an answer each of four times (default: 5s)
    #[argh(option, arg_name = "duration")]
    timeout: Option<String>,

    /// put this directory before every path but the file's (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the device, such as wanpipe1
    #[argh(positional)]
    device: String,

    /// a file of settings
    #[argh(positional)]
    file: Option<PathBuf>,
}

fn run(args: &[String], out: &mut dyn Write) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    match perform(&args, out) {
        Ok(()) => Exit::DONE,
        Err(failure) => {
            if !failure.text.is_empty() {
                say::line(&failure.text);
            }
            failure.exit
        }
    }
}

fn failed(what: impl std::fmt::Display) -> Failure {
    Failure::failed(format!("{NAME}: {what}"))
}

fn misuse(what: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("{NAME}: {what}\n{NAME}: try '{NAME} --help'"))
}

/// One run, everything resolved.
struct Job<'a> {
    args: &'a Args,
    root: Root,
    record: PathBuf,
}

fn perform(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    value::interface_name(&args.device).map_err(misuse)?;
    let wanted = [
        args.read,
        args.auto,
        args.check,
        args.show,
        !args.set.is_empty(),
    ];
    if wanted.into_iter().filter(|&one| one).count() > 1 {
        return Err(misuse("only one of --read, --auto, --set, --check, --show"));
    }
    if args.file.is_some() && (args.read || args.auto || args.show || !args.set.is_empty()) {
        return Err(misuse("a file goes alone or with --check"));
    }
    let root = Root::new(args.root.as_deref());
    let record = root.path(format!("/etc/wanpipe/{}.cfgft1", args.device));
    let job = Job { args, root, record };
    if args.show || args.check {
        let settings = load(args.file.as_deref().unwrap_or(&job.record))?;
        return if args.show {
            job.print(&settings, out)
        } else {
            Ok(())
        };
    }
    // What is wrong with the settings is said before anything is asked.
    let settings = match &args.file {
        Some(file) => Some(load(file)?),
        None if !args.set.is_empty() => Some(job.changed()?),
        None => None,
    };
    let by_menu = settings.is_none() && !args.read && !args.auto;
    if by_menu && !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(misuse(
            "menus need a terminal; a file, --set, --read and --auto do without",
        ));
    }
    let mut client = job.connect()?;
    let mut unit = Unit(&mut client);
    if let Some(settings) = settings {
        return job.apply(&mut unit, &settings, out);
    }
    if args.read {
        let settings = unit.read()?;
        job.keep(&settings)?;
        return job.print(&settings, out);
    }
    if args.auto {
        let settings = job.search(&mut unit, out)?;
        job.keep(&settings)?;
        return job.print(&settings, out);
    }
    job.menus(&mut unit, out)
}

fn load(file: &Path) -> Result<Ft1Config, Failure> {
    let text = files::read_text(file, MAX_RECORD).map_err(failed)?;
    record::parse(&file.to_string_lossy(), &text)
        .map_err(|diagnostics| Failure::failed(diagnostics.to_string()))
}

impl Job<'_> {
    /// The record, or what a unit starts from where there is none.
    fn recorded(&self) -> Result<Ft1Config, Failure> {
        if self.record.exists() {
            load(&self.record)
        } else {
            Ok(record::DEFAULT)
        }
    }

    /// The record with what `--set` says.
    fn changed(&self) -> Result<Ft1Config, Failure> {
        let mut settings = self.recorded()?;
        for word in &self.args.set {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| misuse(format!("'{word}' is not KEY=VALUE")))?;
            record::set(&mut settings, key, value)
                .map_err(|(what, allowed)| misuse(format!("{key}: {what}; allowed: {allowed}")))?;
        }
        record::check(&settings).map_err(misuse)?;
        Ok(settings)
    }

    fn connect(&self) -> Result<Client, Failure> {
        let interface = match &self.args.interface {
            Some(interface) => interface.clone(),
            None => self.first_interface()?,
        };
        let mut words = vec!["-i", &interface, "-c", "Tread"];
        if let Some(timeout) = &self.args.timeout {
            words.extend(["--timeout", timeout]);
        }
        let root = self.root.prefix().to_string_lossy();
        words.extend(["--root", &root]);
        let options = Options::from_args(&[NAME], &words).map_err(|early| misuse(early.output))?;
        let request = Request::new(Monitor::CiscoHdlc, &options).map_err(|failure| {
            // Without the monitor's hint on where its help is.
            let what = failure.text.lines().next().unwrap_or_default();
            misuse(what.trim_start_matches("ERROR: "))
        })?;
        Client::connect(&request)
    }

    /// The first interface of the device, from the text of interfaces.
    fn first_interface(&self) -> Result<String, Failure> {
        let path = self.root.run_dir().join("net/wanrouter/interfaces");
        let text = files::read_text(&path, MAX_TEXT).unwrap_or_default();
        let rows = text.lines().map(|line| {
            let mut columns = line.split('|').map(str::trim);
            (columns.next(), columns.next())
        });
        rows.into_iter()
            .find_map(|(interface, device)| {
                interface.filter(|_| device == Some(self.args.device.as_str()))
            })
            .map(str::to_owned)
            .ok_or_else(|| {
                Failure::absent(format!(
                    "{NAME}: {} is not running, or has no interface to ask through",
                    self.args.device
                ))
            })
    }

    fn apply(
        &self,
        unit: &mut Unit<'_>,
        settings: &Ft1Config,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        unit.set(settings)?;
        self.keep(settings)?;
        self.print(settings, out)
    }

    /// Writes the record.
    fn keep(&self, settings: &Ft1Config) -> Result<(), Failure> {
        let text = record::text(&self.args.device, settings);
        files::write_durable(&self.record, text.as_bytes(), 0o644).map_err(failed)
    }

    fn print(&self, settings: &Ft1Config, out: &mut dyn Write) -> Result<(), Failure> {
        let values = record::values(settings);
        let text = if self.args.json {
            let [framing, encoding, line_build, _, _, clock] = values;
            let object = json!({
                "device": self.args.device,
                "framing": framing,
                "encoding": encoding,
                "line_build": line_build,
                "channel": settings.channel_base,
                "kbps": settings.kbps,
                "clocking": clock,
            });
            format!("{object}\n")
        } else {
            let pairs = record::KEYS.iter().zip(values);
            pairs
                .map(|(key, value)| format!("{key} = {value}\n"))
                .collect()
        };
        write(out, &text)
    }

    /// Has the unit search, and shows what it tries.
    fn search(&self, unit: &mut Unit<'_>, out: &mut dyn Write) -> Result<Ft1Config, Failure> {
        let mut interrupt = Interrupt::new(false).map_err(failed)?;
        unit.start_search()?;
        let mut last = 0;
        for _ in 0..POLLS {
            match unit.search()? {
                Found::Settings(settings) => return Ok(settings),
                Found::Trying(kbps) if kbps != last && !self.args.json => {
                    last = kbps;
                    write(out, &format!("trying {kbps} kbit/s\n"))?;
                }
                Found::Trying(_) => {}
            }
            if interrupt.wait(POLL).map_err(failed)? != Wake::Timeout {
                return Err(failed("interrupted; the unit goes on by itself"));
            }
        }
        Err(failed("the unit found nothing within two minutes"))
    }

    fn menus(&self, unit: &mut Unit<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let items = [
            "Settings",
            "Find the settings automatically",
            "Read the unit's settings",
            "Terminal of the unit",
        ];
        let mut place = 0;
        loop {
            let title = format!("CSU/DSU of {}", self.args.device);
            let Some(chosen) = choose(&title, items.map(str::to_owned).into(), place)? else {
                return Ok(());
            };
            place = chosen;
            let done = match chosen {
                0 => self.edit(unit, out),
                1 => self.search(unit, out).and_then(|settings| {
                    self.keep(&settings)?;
                    self.print(&settings, out)
                }),
                2 => unit.read().and_then(|settings| {
                    self.keep(&settings)?;
                    self.print(&settings, out)
                }),
                _ => terminal(unit).map(|()| place = chosen),
            };
            if let Err(failure) = done {
                write(out, &format!("{}\n", failure.text))?;
            } else if chosen == 3 {
                continue;
            }
            write(out, "Hit ENTER to return to the menu\n")?;
            let mut line = String::new();
            // The end of the input leaves as well.
            if std::io::stdin().read_line(&mut line).map_err(failed)? == 0 {
                return Ok(());
            }
        }
    }

    /// The settings one by one, then into the unit.
    fn edit(&self, unit: &mut Unit<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let mut settings = self.recorded()?;
        let mut place = 0;
        let mut wrong = String::new();
        loop {
            let values = record::values(&settings);
            let mut items: Vec<String> = record::KEYS
                .iter()
                .zip(&values)
                .map(|(key, value)| format!("{key:<11} {value}"))
                .collect();
            items.push("Apply".into());
            let title = if wrong.is_empty() { "Settings" } else { &wrong };
            let Some(chosen) = choose(title, items, place)? else {
                return Ok(());
            };
            place = chosen;
            let (Some(key), Some(preset)) = (record::KEYS.get(chosen), values.get(chosen)) else {
                match record::check(&settings) {
                    Ok(()) => return self.apply(unit, &settings, out),
                    Err(what) => {
                        wrong = what;
                        continue;
                    }
                }
            };
            let Some(value) = fill(key, preset.clone())? else {
                continue;
            };
            wrong = match record::set(&mut settings, key, &value) {
                Ok(()) => String::new(),
                Err((what, allowed)) => format!("{what}; allowed: {allowed}"),
            };
        }
    }
}

fn choose(title: &str, items: Vec<String>, selected: usize) -> Result<Option<usize>, Failure> {
    Screen::open()
        .and_then(|mut screen| Menu::new(title, items).select(selected).choose(&mut screen))
        .map_err(failed)
}

fn fill(title: &str, preset: String) -> Result<Option<String>, Failure> {
    Screen::open()
        .and_then(|mut screen| Field::new(title, preset).fill(&mut screen))
        .map_err(failed)
}

/// The unit's own terminal, until ESC.
fn terminal(unit: &mut Unit<'_>) -> Result<(), Failure> {
    /// What is kept of the text, octets.
    const KEPT: usize = 16 * 1024;
    /// How often the unit is asked.
    const LOOK: Duration = Duration::from_millis(50);
    let mut screen = Screen::open().map_err(failed)?;
    let mut text = String::new();
    let mut waiting: std::collections::VecDeque<u8> = std::collections::VecDeque::new();
    loop {
        let shown = unit.shown()?;
        text.extend(
            String::from_utf8_lossy(&shown)
                .chars()
                .filter(|&c| !c.is_control() || c == '\n'),
        );
        let cut = text.len().saturating_sub(KEPT);
        let cut = (cut..text.len()).find(|&at| text.is_char_boundary(at));
        text.drain(..cut.unwrap_or(0));
        screen
            .draw(|frame| wanbox_console::view::tail("CSU/DSU terminal, ESC ends it", &text, frame))
            .map_err(failed)?;
        match screen.key(LOOK).map_err(failed)? {
            Some(Key::Leave) => return Ok(()),
            Some(Key::Enter) => waiting.push_back(b'\r'),
            Some(Key::Erase) => waiting.push_back(0x08),
            Some(Key::Char(c)) if c.is_ascii() => waiting.push_back(c as u8),
            _ => {}
        }
        while let Some(&octet) = waiting.front() {
            if !unit.type_octet(octet)? {
                break;
            }
            waiting.pop_front();
        }
    }
}
