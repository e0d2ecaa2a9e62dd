//! `-g`: whom to ask and what, chosen from menus.

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use wanbox_console::menu::{Field, Menu};
use wanbox_console::terminal::Screen;
use wanbox_runtime::files::Root;

use crate::commands::{self, Command, SECTIONS};
use crate::failure::Failure;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::request::Request;
use crate::session;

/// What the fields hold at first.
const ADDRESS: &str = "201.1.1.2";
const PORT: &str = "9000";

/// Lets the user choose and shows the answers until he leaves.
pub fn run(monitor: Monitor, options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::usage("ERROR: -g needs a terminal"));
    }
    let mut options = options.clone();
    options.gui = false;
    // Menus show text on a screen.
    options.json = false;
    options.xml = false;
    if options.interface.is_none() && !choose_target(&mut options)? {
        return Ok(());
    }
    let mut section = 0;
    while let Some(chosen) = choose_section(monitor, section)? {
        section = chosen;
        let mut last = None;
        while let Some(command) = choose_command(monitor, section, last)? {
            last = Some(command);
            options.command = Some(command.letters.to_owned());
            if command.needs_channel {
                let (name, first, place) = match monitor {
                    Monitor::X25 => ("Logical channel", "1", &mut options.lcn),
                    _ => ("DLCI", "16", &mut options.dlci),
                };
                let preset = place.clone().unwrap_or_else(|| first.to_owned());
                match fill(name, preset)? {
                    Some(number) => *place = Some(number),
                    None => continue,
                }
            }
            repeat(monitor, &options, out)?;
        }
    }
    Ok(())
}

/// Runs the command until the user has seen enough.
fn repeat(monitor: Monitor, options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    loop {
        let done = Request::new(monitor, options)
            .and_then(|request| session::perform(&request, options, out));
        if let Err(failure) = done {
            session::write(out, &format!("\n{}\n", failure.text))?;
        }
        session::write(
            out,
            "\nHit ENTER to return to menu / SPACE and ENTER to repeat\n",
        )?;
        let mut octet = [0];
        let mut again = false;
        loop {
            match io::stdin().lock().read(&mut octet) {
                Ok(1) if octet == [b' '] => again = true,
                Ok(1) if octet != [b'\n'] => {}
                _ => break,
            }
        }
        if !again {
            return Ok(());
        }
    }
}

fn terminal(error: &io::Error) -> Failure {
    Failure::failed(format!("Error: terminal: {error}"))
}

fn choose(title: &str, items: Vec<String>, selected: usize) -> Result<Option<usize>, Failure> {
    Screen::open()
        .and_then(|mut screen| Menu::new(title, items).select(selected).choose(&mut screen))
        .map_err(|e| terminal(&e))
}

fn fill(title: &str, preset: String) -> Result<Option<String>, Failure> {
    Screen::open()
        .and_then(|mut screen| Field::new(title, preset).fill(&mut screen))
        .map_err(|e| terminal(&e))
}

/// Operation mode, then interface, or address and port. `false`: the user left.
fn choose_target(options: &mut Options) -> Result<bool, Failure> {
    let modes = vec!["local".to_owned(), "remote".to_owned()];
    match choose("Operation mode", modes, 0)? {
        None => Ok(false),
        Some(0) => {
            let root = Root::new(options.root.as_deref().map(Path::new));
            let interfaces = interfaces(&root);
            if interfaces.is_empty() {
                return Err(Failure::absent(format!(
                    "Error: no link daemon runs here ({} is empty)",
                    root.monitor_dir().display()
                )));
            }
            let chosen = choose("Interface", interfaces.clone(), 0)?;
            options.interface = chosen.and_then(|index| interfaces.get(index).cloned());
            Ok(options.interface.is_some())
        }
        Some(_) => {
            let Some(address) = fill("IP address", ADDRESS.to_owned())? else {
                return Ok(false);
            };
            let Some(port) = fill("UDP port", PORT.to_owned())? else {
                return Ok(false);
            };
            options.interface = Some(address);
            options.port = Some(port);
            Ok(true)
        }
    }
}

/// The interfaces whose link daemons have a socket here.
fn interfaces(root: &Root) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.monitor_dir()) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".sock").map(str::to_owned)
        })
        .collect();
    names.sort();
    names
}

fn choose_section(monitor: Monitor, selected: usize) -> Result<Option<usize>, Failure> {
    let used: Vec<usize> = (0..SECTIONS.len())
        .filter(|&s| commands::all(monitor).iter().any(|c| c.section() == s))
        .collect();
    let items = used
        .iter()
        .filter_map(|&s| SECTIONS.get(s).map(|name| (*name).to_owned()))
        .collect();
    // Where the user was.
    let place = used.iter().position(|&s| s == selected).unwrap_or(0);
    let chosen = choose("Command Main Menu", items, place)?;
    Ok(chosen.and_then(|index| used.get(index).copied()))
}

fn choose_command(
    monitor: Monitor,
    section: usize,
    last: Option<Command>,
) -> Result<Option<Command>, Failure> {
    let commands: Vec<Command> = commands::all(monitor)
        .iter()
        .copied()
        // Settings are typed on the command line.
        .filter(|c| c.section() == section && c.letters != "Tset")
        .collect();
    let items = commands
        .iter()
        .map(|c| format!("{:<7}{}", c.letters, c.about))
        .collect();
    let place = commands.iter().position(|&c| Some(c) == last).unwrap_or(0);
    let title = SECTIONS.get(section).copied().unwrap_or_default();
    let chosen = choose(title, items, place)?;
    Ok(chosen.and_then(|index| commands.get(index).copied()))
}
