//! What commands need of the process, as it is.

use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use wanbox_net_commands::{Asy, Device, Host, Nrs, Parameter};
use wanbox_net_desk::{ConsoleId, Desk};
use wanbox_net_engine::axip::Peers;
use wanbox_net_engine::{InterfaceId, Sink, Station};
use wanbox_runtime::event_loop::Loop;
use wanbox_runtime::{files, process};

use crate::agwpe::Agwpe;
use crate::consoles::Terminal;
use crate::devices::Devices;
use crate::files::{Files, MAX_FILE};
use crate::growing;
use crate::journal::{self, Journal};
use crate::shells::Shells;
use crate::traces::Traces;

/// The process around the station.
pub struct Process {
    /// Its files.
    pub files: Files,
    /// Its devices.
    pub devices: Devices,
    /// Its log file.
    pub journal: Journal,
    /// Where traces go.
    pub traces: Traces,
    /// Commands of the host's shell that are running.
    pub shells: Shells,
    /// Programs that use packet radio.
    pub agwpe: Agwpe,
    /// The terminal that it was started at.
    pub terminal: Option<Terminal>,
    /// Since when it has been running.
    pub started: Instant,
    /// It ends after this turn.
    pub leaving: bool,
}

impl Process {
    /// Something that people must hear of: in the system's log and the station's, and by whoever is there.
    pub fn tell(&mut self, desk: &mut Desk, text: &str) {
        log::warn!("{text}");
        self.journal.line(&format!("- {text}"));
        desk.tell(text);
    }

    /// The process as commands see it in this turn.
    pub fn host<'a>(&'a mut self, lp: &'a mut Loop) -> Around<'a> {
        Around { process: self, lp }
    }
}

/// The process, and the loop that it waits in.
pub struct Around<'a> {
    process: &'a mut Process,
    lp: &'a mut Loop,
}

impl Host for Around<'_> {
    fn sink(&mut self) -> &mut dyn Sink {
        self.process.devices.sink()
    }

    fn attach(
        &mut self,
        _now: Instant,
        station: &mut Station,
        name: &str,
        device: &Device,
        mtu: Option<u16>,
    ) -> Result<InterfaceId, String> {
        let devices = &mut self.process.devices;
        devices.attach(self.lp, station, name, device, mtu)
    }

    fn parameter(
        &mut self,
        _now: Instant,
        station: &mut Station,
        id: InterfaceId,
        parameter: Parameter,
        value: Option<u32>,
    ) -> Result<Option<u32>, String> {
        let devices = &mut self.process.devices;
        devices.parameter(self.lp, station, id, parameter, value)
    }

    fn asy(&mut self, id: InterfaceId) -> Option<Asy> {
        self.process.devices.asy(id)
    }

    fn nrs(&self, id: InterfaceId) -> Option<Nrs> {
        self.process.devices.nrs(id)
    }

    fn axip(&mut self) -> &mut Peers {
        self.process.devices.axip()
    }

    fn start_kiss(
        &mut self,
        station: &Station,
        id: InterfaceId,
        local: SocketAddrV4,
    ) -> Result<(), String> {
        let devices = &mut self.process.devices;
        devices.start_kiss(self.lp, station, id, local)
    }

    fn stop_kiss(&mut self, id: Option<InterfaceId>) -> bool {
        self.process.devices.stop_kiss(self.lp, id)
    }

    fn start_agwpe(&mut self, local: SocketAddrV4) -> Result<(), String> {
        self.process.agwpe.start(self.lp, local)
    }

    fn stop_agwpe(&mut self) -> bool {
        self.process.agwpe.stop(self.lp)
    }

    fn device_lines(&self, id: InterfaceId) -> String {
        self.process.devices.device_lines(id)
    }

    fn device_counters(&self, id: InterfaceId) -> Vec<(&'static str, u64)> {
        self.process.devices.device_counters(id)
    }

    fn trace(&mut self, _: u32, id: InterfaceId, file: Option<&str>) -> io::Result<()> {
        let path = file.map(|file| self.process.files.path(file));
        let capture = self.process.devices.capture(id);
        self.process.traces.set(id, path.as_deref(), capture)
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        files::read(&self.process.files.path(path), MAX_FILE).map_err(journal::system)
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read>> {
        let opened = files::open_regular(&self.process.files.path(path));
        Ok(Box::new(opened.map_err(journal::system)?))
    }

    fn append(&mut self, path: &str) -> io::Result<Box<dyn Write>> {
        Ok(Box::new(growing::open(&self.process.files.path(path))?))
    }

    fn delete(&mut self, path: &str) -> io::Result<()> {
        fs::remove_file(self.process.files.path(path))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let files = &self.process.files;
        fs::rename(files.path(from), files.path(to))
    }

    fn make_directory(&mut self, path: &str) -> io::Result<()> {
        fs::create_dir(self.process.files.path(path))
    }

    fn remove_directory(&mut self, path: &str) -> io::Result<()> {
        fs::remove_dir(self.process.files.path(path))
    }

    fn shell(&mut self, console: u32, command: &str) -> io::Result<()> {
        let Process {
            shells, terminal, ..
        } = &mut *self.process;
        let console = ConsoleId(console);
        let terminal = terminal.as_ref();
        let is_terminal = terminal.is_some_and(|terminal| terminal.console == console);
        shells.start(self.lp, console, command, is_terminal)
    }

    fn log(&mut self, text: &str) {
        self.process.journal.line(text);
    }

    fn set_log(&mut self, path: Option<&str>) -> io::Result<()> {
        let Process { files, journal, .. } = &mut *self.process;
        let at = path.map(|name| (name, files.path(name)));
        let to = at.as_ref().map(|(name, path)| (*name, path.as_path()));
        journal.switch(to, "NOS log closed")
    }

    fn log_path(&self) -> Option<&str> {
        self.process.journal.name()
    }

    fn utc_offset(&self, unix: i64) -> i32 {
        wanbox_runtime::wall_clock::local_offset(unix)
    }

    fn uptime(&self) -> Duration {
        self.lp
            .now()
            .saturating_duration_since(self.process.started)
    }

    fn memory(&self) -> [u64; 3] {
        process::memory()
    }

    fn exit(&mut self) {
        self.process.leaving = true;
    }
}
