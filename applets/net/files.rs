//! Where the files of the station are, and what is read of them at the start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use wanbox_net_engine::domain::hosts::{Fault, Hosts};
use wanbox_net_engine::{Station, arp, radio, route};
use wanbox_runtime::files::{self, Root};

/// Where the original has everything; where it is there, everything is in it.
const ORIGINAL: &str = "/tcp";
/// Where else the commands of the start are.
const STARTUP: &str = "/etc/net.rc";
/// Where else what is learned is kept, and hosts are looked for.
const STATE: &str = "/var/lib/net";

/// The longest file that is read at once, octets.
pub const MAX_FILE: u64 = 64 << 20;
/// A file that was changed has rested for so long before it counts.
const RESTS: Duration = Duration::from_secs(21_600);

/// Where the files are.
#[derive(Clone, Debug)]
pub struct Files {
    /// What is before every absolute path.
    pub root: Root,
    /// The commands of the start.
    pub startup: PathBuf,
    /// What is learned, and the names of hosts.
    pub state: PathBuf,
}

impl Files {
    /// The files below `root`, with other commands for the start if they are given.
    pub fn new(root: Root, startup: Option<&Path>) -> Self {
        let original = root.path(ORIGINAL);
        let (state, default) = if original.is_dir() {
            let startup = original.join("net.rc");
            (original, startup)
        } else {
            (root.path(STATE), root.path(STARTUP))
        };
        // It means what it meant to whoever typed it, also when the daemon is somewhere else.
        let typed = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            startup: startup.map_or(default, typed),
            root,
            state,
        }
    }

    /// Where a path that a command names is: below the prefix, or in the working directory.
    pub fn path(&self, path: &str) -> PathBuf {
        if path.starts_with('/') {
            self.root.path(path)
        } else {
            PathBuf::from(path)
        }
    }

    /// The hosts that are written down, and what is wrong with the files.
    pub fn hosts(&self) -> (Hosts, Vec<String>) {
        let mut hosts = Hosts::default();
        let mut wrong = Vec::new();
        type Read = fn(&mut Hosts, &str) -> Vec<Fault>;
        let all: [(&str, Read); 3] = [
            ("domain.local", Hosts::read_domain),
            ("hosts", Hosts::read_hosts),
            ("domain.txt", Hosts::read_domain),
        ];
        for (name, read) in all {
            let path = self.state.join(name);
            match files::read(&path, MAX_FILE) {
                Ok(octets) => {
                    let faults = read(&mut hosts, &String::from_utf8_lossy(&octets));
                    let shown = path.display();
                    wrong.extend(faults.iter().map(|fault| format!("{shown}: {fault}")));
                }
                Err(error) if error.is_absent() => {}
                Err(error) => wrong.push(error.to_string()),
            }
        }
        wrong.extend(hosts.finish().iter().map(Fault::to_string));
        (hosts, wrong)
    }
}

/// What was learned, in files. It is saved when it has changed, and when the program ends.
#[derive(Debug, Default)]
pub struct State {
    /// What the files of link addresses, routes, and ways to stations of AX.25 have; `None` before they were
    /// looked at.
    arp: Option<Vec<u8>>,
    routes: Option<Vec<u8>>,
    ax25: Option<Vec<u8>>,
    /// Not all of it could be written.
    unsaved: bool,
}

const ARP: &str = "arp_data";
const ROUTES: &str = "route_data";
const AX25: &str = "axroute_data";

impl State {
    /// Takes the link addresses out of their file. What is wrong with it is returned.
    pub fn load_arp(
        &mut self,
        files: &Files,
        now: Instant,
        station: &mut Station,
    ) -> Option<String> {
        let unix = station.unix_micros(now) / 1_000_000;
        load(&files.state.join(ARP), &mut self.arp, |octets| {
            let (records, wrong) = arp::file::parse(octets);
            station.arp.load(now, unix, &records);
            wrong
        })
    }

    /// Takes the routes out of their file: the interfaces have to be there. What is wrong with it is returned.
    pub fn load_routes(
        &mut self,
        files: &Files,
        now: Instant,
        station: &mut Station,
    ) -> Option<String> {
        let unix = station.unix_micros(now) / 1_000_000;
        let Station {
            routes,
            interfaces,
            filter,
            ..
        } = station;
        load(&files.state.join(ROUTES), &mut self.routes, |octets| {
            let (records, wrong) = route::file::parse(octets);
            routes.load(now, unix, &records, interfaces, filter);
            wrong
        })
    }

    /// Takes the ways to stations of AX.25 out of their file: the interfaces have to be there. What is wrong
    /// with it is returned.
    pub fn load_ax25(
        &mut self,
        files: &Files,
        now: Instant,
        station: &mut Station,
    ) -> Option<String> {
        let unix = station.unix_micros(now) / 1_000_000;
        let Station {
            ax25, interfaces, ..
        } = station;
        load(&files.state.join(AX25), &mut self.ax25, |octets| {
            let (records, wrong) = radio::file::parse(octets);
            radio::file::load(ax25, now, unix, &records, interfaces);
            wrong
        })
    }

    /// Whether something is known that ends some day, or was learned of stations, which is what the files have; or
    /// could not be written before.
    pub fn wants_saving(&self, station: &Station) -> bool {
        self.unsaved
            || station.arp.poll_timeout().is_some()
            || station.routes.poll_timeout().is_some()
            || station.ax25.routes.has_changed()
    }

    /// Writes what has changed, each file as a whole. What went wrong is returned.
    pub fn save(&mut self, files: &Files, now: Instant, station: &mut Station) -> Vec<String> {
        let unix = station.unix_micros(now) / 1_000_000;
        let arp = arp::file::format(&station.arp.records(now, unix));
        let records = station.routes.records(now, unix, &station.interfaces);
        let routes = route::file::format(&records);
        let stations = radio::file::records(&station.ax25, now, unix, &station.interfaces);
        let stations = radio::file::format(&stations);
        station.ax25.routes.take_changed();
        let mut wrong = Vec::new();
        for (name, octets, saved) in [
            (ARP, arp, &mut self.arp),
            (ROUTES, routes, &mut self.routes),
            (AX25, stations, &mut self.ax25),
        ] {
            // A file with nothing in it is not made where there was none.
            if saved.as_ref() == Some(&octets) || saved.is_none() && octets.len() <= 1 {
                continue;
            }
            let written = files::make_dir(&files.state)
                .and_then(|()| files::write_atomic(&files.state.join(name), &octets, 0o644));
            match written {
                Ok(()) => *saved = Some(octets),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        self.unsaved = !wrong.is_empty();
        wrong
    }
}

/// Gives what a file has to `take`, which says what is wrong with it, and keeps it to know what has changed. What is
/// wrong, for people; that there is no file is not.
fn load<E: std::fmt::Display>(
    path: &Path,
    kept: &mut Option<Vec<u8>>,
    take: impl FnOnce(&[u8]) -> Option<E>,
) -> Option<String> {
    match files::read(path, MAX_FILE) {
        Ok(octets) => {
            let wrong = take(kept.insert(octets))?;
            Some(format!("{}: {wrong}", path.display()))
        }
        Err(error) if error.is_absent() => None,
        Err(error) => Some(error.to_string()),
    }
}

/// Files whose change is the wish that the program begins anew: itself, and the commands of its start.
#[derive(Debug)]
pub struct Watched {
    since: SystemTime,
    paths: Vec<PathBuf>,
}

impl Watched {
    /// From now on.
    pub fn new(startup: &Path) -> Self {
        let own = std::env::current_exe().ok();
        Self {
            since: SystemTime::now(),
            paths: own.into_iter().chain([startup.to_owned()]).collect(),
        }
    }

    /// One that has changed, and was not touched for six hours since.
    pub fn changed(&self) -> Option<&Path> {
        let now = SystemTime::now();
        let has_changed = |path: &&PathBuf| {
            let modified = fs::metadata(path).and_then(|is| is.modified());
            modified.is_ok_and(|at| {
                at > self.since && now.duration_since(at).is_ok_and(|rested| rested >= RESTS)
            })
        };
        self.paths.iter().find(has_changed).map(PathBuf::as_path)
    }
}

/// A system's error as people read it, without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_saved_is_tried_again() {
        let dir = std::env::temp_dir().join(format!("wanbox-net-state-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut files = Files::new(Root::new(Some(&dir)), None);
        files.state = dir.join("state");
        // No directory can be made there.
        fs::write(&files.state, "").unwrap();
        let now = Instant::now();
        let mut station = Station::new(now, 0, Box::new(|| 0));
        let mut state = State {
            routes: Some(b"what was there before".to_vec()),
            ..State::default()
        };
        let wrong = state.save(&files, now, &mut station);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(state.wants_saving(&station));
        fs::remove_file(&files.state).unwrap();
        assert!(state.save(&files, now, &mut station).is_empty());
        assert!(!state.wants_saving(&station));
        // What is there and cannot be read is said.
        fs::create_dir(files.state.join(ARP)).unwrap();
        let wrong = state.load_arp(&files, now, &mut station);
        assert!(wrong.is_some_and(|wrong| wrong.ends_with("is not a regular file")));
        fs::remove_dir_all(dir).unwrap();
    }
}
