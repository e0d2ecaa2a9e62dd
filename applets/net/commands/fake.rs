//! A process without a kernel behind it, for tests and for fuzzing: devices are names, files are in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::rc::Rc;
use std::time::{Duration, Instant};

use wanbox_net_console::table::{self, Refusal};
use wanbox_net_console::words;
use wanbox_net_engine::axip::Peers;
use wanbox_net_engine::{Encapsulation, Frame, FrameKind, Interface, InterfaceId, Sink, Station};
use wanbox_net_services::Services;

use crate::host::{Asy, Device, Host, Parameter};
use crate::{COMMANDS, Context, Done, Output, Stop};

/// What left.
#[derive(Debug, Default)]
pub struct Lines {
    /// Frames: their lines and what they carry.
    pub sent: Vec<(InterfaceId, FrameKind, Vec<u8>)>,
    /// What each line says of its queue.
    pub queued: usize,
}

impl Sink for Lines {
    fn queued(&self, _line: InterfaceId) -> usize {
        self.queued
    }

    fn transmit(&mut self, frame: &Frame<'_>) {
        let packet = frame.packet.to_vec();
        self.sent.push((frame.line, frame.kind, packet));
    }
}

/// Files by their paths.
pub type Files = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

/// The process, and what it was asked for.
#[derive(Debug, Default)]
pub struct Process {
    /// What left.
    pub lines: Lines,
    /// What was attached.
    pub devices: Vec<(InterfaceId, Device)>,
    /// Parameters of devices that were set.
    pub parameters: BTreeMap<(InterfaceId, u8), u32>,
    /// Where packets are to be shown: consoles, and files.
    pub traces: Vec<(u32, InterfaceId, Option<String>)>,
    /// Files. Names that end in a slash are nobody's.
    pub files: Files,
    /// Consoles, and the commands they gave to a shell. There is none called `none`.
    pub shells: Vec<(u32, String)>,
    /// Lines of the log.
    pub log: Vec<String>,
    /// Where they go.
    pub log_path: Option<String>,
    /// How long it has been running.
    pub uptime: Duration,
    /// Stations of `axip`.
    pub axip: Peers,
    /// Where interfaces are shared.
    pub kiss: BTreeMap<InterfaceId, SocketAddrV4>,
    /// What every asynchronous line says of itself.
    pub asy: Asy,
    /// It was told to end.
    pub exits: bool,
    /// Where programs may connect.
    pub agwpe: Option<SocketAddrV4>,
}

/// The end of a file.
struct End(Files, String);

impl Write for End {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut files = self.0.borrow_mut();
        files
            .entry(self.1.clone())
            .or_default()
            .extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As the system says it (ENOENT).
fn missing<T>() -> io::Result<T> {
    Err(io::Error::from_raw_os_error(2))
}

fn place(path: &str) -> io::Result<()> {
    match path.is_empty() || path.ends_with('/') {
        true => missing(),
        false => Ok(()),
    }
}

impl Process {
    fn is_asy(&self, id: InterfaceId) -> bool {
        let is_it = |(known, device): &(InterfaceId, Device)| {
            *known == id && matches!(device, Device::Asy { .. })
        };
        self.devices.iter().any(is_it)
    }
}

impl Host for Process {
    fn sink(&mut self) -> &mut dyn Sink {
        &mut self.lines
    }

    fn attach(
        &mut self,
        _now: Instant,
        station: &mut Station,
        name: &str,
        device: &Device,
        mtu: Option<u16>,
    ) -> Result<InterfaceId, String> {
        let encapsulation = match device {
            Device::Asy { mode, .. } => *mode,
            Device::Tun { ethernet: true } => Encapsulation::Ethernet,
            Device::AxIp(_) | Device::Kernel { .. } | Device::KissPort { .. } => {
                Encapsulation::KissI
            }
            Device::NetRom => Encapsulation::NetRom,
            Device::Tun { .. } | Device::Ni { .. } | Device::IpIp(_) => Encapsulation::None,
        };
        let interface = Interface::new(name, encapsulation, mtu.unwrap_or(256));
        let attached = station.interfaces.attach(interface);
        let id = attached.map_err(|error| error.to_string())?;
        self.devices.push((id, device.clone()));
        Ok(id)
    }

    fn parameter(
        &mut self,
        _now: Instant,
        station: &mut Station,
        id: InterfaceId,
        parameter: Parameter,
        value: Option<u32>,
    ) -> Result<Option<u32>, String> {
        if !self.is_asy(id) {
            return Err("Not supported".to_owned());
        }
        let Parameter(code @ (10 | 129 | 130 | 132)) = parameter else {
            return Ok(None);
        };
        if code == 132 && value.is_none() && !self.parameters.contains_key(&(id, code)) {
            return Ok(None);
        }
        if let Some(value) = value {
            self.parameters.insert((id, code), value);
            if let Some(interface) = station.interfaces.get_mut(id).filter(|_| code > 128) {
                interface.up = code == 130;
            }
        }
        Ok(Some(
            self.parameters.get(&(id, code)).copied().unwrap_or(9600),
        ))
    }

    fn axip(&mut self) -> &mut Peers {
        &mut self.axip
    }

    fn start_kiss(
        &mut self,
        _: &Station,
        id: InterfaceId,
        local: SocketAddrV4,
    ) -> Result<(), String> {
        match self.kiss.insert(id, local) {
            Some(_) => Err("It is shared already".to_owned()),
            None => Ok(()),
        }
    }

    fn stop_kiss(&mut self, id: Option<InterfaceId>) -> bool {
        let before = self.kiss.len();
        self.kiss
            .retain(|shared, _| id.is_some_and(|id| id != *shared));
        self.kiss.len() < before
    }

    fn start_agwpe(&mut self, local: SocketAddrV4) -> Result<(), String> {
        match self.agwpe.replace(local) {
            None => Ok(()),
            Some(_) => Err("The agwpe server runs already".to_owned()),
        }
    }

    fn stop_agwpe(&mut self) -> bool {
        self.agwpe.take().is_some()
    }

    fn asy(&mut self, id: InterfaceId) -> Option<Asy> {
        self.is_asy(id).then_some(self.asy)
    }

    fn device_lines(&self, id: InterfaceId) -> String {
        if self.is_asy(id) {
            "\tcounters of the line\n".to_owned()
        } else {
            String::new()
        }
    }

    fn trace(&mut self, console: u32, id: InterfaceId, file: Option<&str>) -> io::Result<()> {
        if file.is_some_and(|file| file.contains('/')) {
            return missing();
        }
        self.traces.push((console, id, file.map(str::to_owned)));
        Ok(())
    }

    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let files = self.files.borrow();
        files.get(path).cloned().map_or_else(missing, Ok)
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(io::Cursor::new(self.read(path)?)))
    }

    fn append(&mut self, path: &str) -> io::Result<Box<dyn Write>> {
        place(path)?;
        Ok(Box::new(End(Rc::clone(&self.files), path.to_owned())))
    }

    fn delete(&mut self, path: &str) -> io::Result<()> {
        let gone = self.files.borrow_mut().remove(path);
        gone.map_or_else(missing, |_| Ok(()))
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        place(to)?;
        let mut files = self.files.borrow_mut();
        let file = files.remove(from).map_or_else(missing, Ok)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn make_directory(&mut self, path: &str) -> io::Result<()> {
        place(path)
    }

    fn remove_directory(&mut self, path: &str) -> io::Result<()> {
        place(path)
    }

    fn shell(&mut self, console: u32, command: &str) -> io::Result<()> {
        if command == "none" {
            return missing();
        }
        self.shells.push((console, command.to_owned()));
        Ok(())
    }

    fn log(&mut self, text: &str) {
        self.log.push(text.to_owned());
    }

    fn set_log(&mut self, path: Option<&str>) -> io::Result<()> {
        if let Some(path) = path {
            place(path)?;
        }
        self.log_path = path.map(str::to_owned);
        Ok(())
    }

    fn log_path(&self) -> Option<&str> {
        self.log_path.as_deref()
    }

    fn uptime(&self) -> Duration {
        self.uptime
    }

    fn memory(&self) -> [u64; 3] {
        [3_000_000, 2_000_000, 500_000]
    }

    fn exit(&mut self) {
        self.exits = true;
    }
}

/// A station with the process around it.
#[derive(Debug)]
pub(crate) struct Rig {
    pub now: Instant,
    pub station: Station,
    pub services: Services,
    pub process: Process,
    pub output: Output,
}

impl Rig {
    pub fn new(now: Instant) -> Self {
        let mut number = 1u64;
        let entropy = move || {
            number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            number
        };
        Self {
            now,
            station: Station::new(now, 1_000_000_000_000_000, Box::new(entropy)),
            services: Services::default(),
            process: Process::default(),
            output: Output::default(),
        }
    }

    /// Runs a line.
    pub fn run(&mut self, line: &str) -> Done {
        let Ok(words) = words::split(line) else {
            return Err(Stop::Silent);
        };
        let Some(first) = words.first() else {
            return Err(Stop::Silent);
        };
        let command = match table::choose(COMMANDS, &first.text(), words.len()) {
            Ok(command) => command,
            Err(Refusal::Usage(usage)) => return Err(Stop::Usage(usage)),
            Err(Refusal::Unknown) => return Err(Stop::Silent),
        };
        let mut context = Context {
            now: self.now,
            station: &mut self.station,
            services: &mut self.services,
            console: 7,
            host: &mut self.process,
            output: &mut self.output,
        };
        command(&mut context, &words)
    }

    /// What a line prints, with what is said about its failure.
    pub fn say(&mut self, line: &str) -> String {
        self.output = Output::default();
        let done = self.run(line);
        let text = std::mem::take(&mut self.output.text);
        match done {
            Ok(_) | Err(Stop::Silent) => text,
            Err(Stop::Failed(why)) => text + &why + "\n",
            Err(Stop::Usage(usage)) => format!("{text}Usage: {usage}\n"),
            Err(Stop::Asked(_)) => text + "asked\n",
        }
    }
}
