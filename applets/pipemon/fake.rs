//! A link daemon for the tests of the monitors: it answers on the management protocol what it is
//! told to, and remembers what it was asked.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use wanbox_runtime::datagram::{Datagram, Listener};
use wanbox_runtime::files::Root;
use wanbox_wire::pipemon::trace::{CRC_ERROR, OUTGOING, OUTGOING_FCS, Packer};
use wanbox_wire::pipemon::{Control, Message, Protocol, Repr, code};

/// What a request asked for: opcode, DLCI, data.
pub type Asked = (u8, u16, Vec<u8>);

/// The answer to a request: return code and data; `None` for silence.
pub type Script = fn(&Message<'_>) -> Option<(u8, Vec<u8>)>;

/// What goes wrong between request and reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The first this many requests get lost.
    Lose(u32),
    /// Before each reply come octets that are no reply to it.
    Noise,
    /// The link protocol of the replies is another one.
    OtherProtocol,
}

/// A running daemon; it ends when it is dropped.
pub struct Fake {
    /// Its UDP port on 127.0.0.1.
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    directory: PathBuf,
}

/// The interface whose socket the daemon serves.
pub const INTERFACE: &str = "wp1_test";

impl Fake {
    /// Starts it: on a free UDP port, and on the socket of [`INTERFACE`] below a root of its own.
    pub fn start(script: Script, fault: Fault) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("wanbox-mon-{}-{number}", std::process::id()));
        let monitors = Root::new(Some(&directory)).monitor_dir();
        std::fs::create_dir_all(&monitors).unwrap();
        let listener = Listener::bind(&monitors.join(format!("{INTERFACE}.sock")), 0o600).unwrap();
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        udp.set_read_timeout(Some(Duration::from_millis(10)))
            .unwrap();
        let port = udp.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let end = Arc::new(AtomicBool::new(false));
        let server = Server {
            script,
            fault,
            asked: Arc::clone(&asked),
        };
        let (mut by_udp, mut by_socket) = (server.clone(), server);
        let (stop_udp, stop_socket) = (Arc::clone(&end), Arc::clone(&end));
        let threads = vec![
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while !stop_udp.load(Ordering::Relaxed) {
                    let Ok((length, from)) = udp.recv_from(&mut buffer) else {
                        continue;
                    };
                    for reply in by_udp.replies(&buffer[..length]) {
                        udp.send_to(&reply, from).unwrap();
                    }
                }
            }),
            std::thread::spawn(move || {
                let mut clients: Vec<Datagram> = Vec::new();
                let mut buffer = [0; 4096];
                while !stop_socket.load(Ordering::Relaxed) {
                    clients.extend(listener.accept().unwrap());
                    clients.retain(|client| {
                        match client.receive_within(&mut buffer, Duration::from_millis(1)) {
                            Ok(Some(0)) | Err(_) => false,
                            Ok(Some(length)) => by_socket
                                .replies(&buffer[..length])
                                .iter()
                                .all(|reply| client.send(reply).is_ok()),
                            Ok(None) => true,
                        }
                    });
                    if clients.is_empty() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            }),
        ];
        Self {
            port,
            asked,
            end,
            threads,
            directory,
        }
    }

    /// The root that makes the interface's socket found.
    pub fn root(&self) -> &str {
        self.directory.to_str().unwrap()
    }

    /// A file of the test's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What was asked after the probe.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().skip(2).cloned().collect()
    }

    /// All that was asked.
    pub fn asked_in_all(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
        std::fs::remove_dir_all(&self.directory).unwrap();
    }
}

#[derive(Clone)]
struct Server {
    script: Script,
    fault: Fault,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn replies(&mut self, octets: &[u8]) -> Vec<Vec<u8>> {
        let request = Message::new_checked(octets).unwrap();
        // Both sides count these octets: a header, the data and a spare octet.
        assert_eq!(
            octets.len(),
            request.protocol().data_offset() + request.data().len() + 1
        );
        assert_eq!(request.return_code(), code::UNANSWERED);
        if let Fault::Lose(left) = &mut self.fault
            && *left > 0
        {
            *left -= 1;
            return Vec::new();
        }
        self.asked.lock().unwrap().push((
            request.opcode(),
            request.channel(),
            request.data().to_vec(),
        ));
        let Some((code, data)) = (self.script)(&request) else {
            return Vec::new();
        };
        let mut repr = Repr::reply(&request, code, &data);
        if is_get_trace(&request) && code == code::OK {
            // The script's data are packed already; their number goes where the protocol has it.
            if let Control::CiscoHdlc { .. } = repr.control {
                repr.control = Control::CiscoHdlc {
                    frames: u8::from(!data.is_empty()) * 3,
                    more: false,
                };
            }
        }
        let good = emitted(&repr);
        match self.fault {
            Fault::Noise => {
                let late = Repr {
                    id: repr.id.wrapping_sub(1),
                    return_code: code::FAILED,
                    ..repr
                };
                let other = Repr {
                    opcode: repr.opcode ^ 0x55,
                    ..repr
                };
                let mut request = octets.to_vec();
                request[8] = 1;
                vec![
                    b"noise".to_vec(),
                    request,
                    emitted(&late),
                    emitted(&other),
                    good[..20].to_vec(),
                    good,
                ]
            }
            Fault::OtherProtocol => {
                let other = match request.protocol() {
                    Protocol::FrameRelay => Control::empty(Protocol::CiscoHdlc),
                    Protocol::CiscoHdlc => Control::empty(Protocol::Ppp),
                    Protocol::Ppp => Control::empty(Protocol::X25),
                    Protocol::X25 => Control::empty(Protocol::FrameRelay),
                };
                vec![emitted(&Repr {
                    control: other,
                    ..repr
                })]
            }
            _ => vec![good],
        }
    }
}

fn emitted(repr: &Repr<'_>) -> Vec<u8> {
    let mut octets = vec![0xa5; repr.wire_len()];
    repr.emit(&mut octets).unwrap();
    octets
}

fn is_get_trace(request: &Message<'_>) -> bool {
    use wanbox_wire::pipemon::opcode::{chdlc, fr, ppp, x25};
    request.opcode()
        == match request.protocol() {
            Protocol::FrameRelay => fr::GET_TRACE_INFO,
            Protocol::CiscoHdlc => chdlc::GET_TRACE_INFO,
            Protocol::Ppp => ppp::GET_TRACE_INFO,
            Protocol::X25 => x25::GET_TRACE_INFO,
        }
}

/// The data of a trace reply with three frames: one sent, one received, one received broken.
pub fn three_frames(request: &Message<'_>, sent: &[u8], received: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut packer = Packer::new(request.protocol(), &mut data);
    assert!(packer.push(OUTGOING, 1000, sent, OUTGOING_FCS));
    assert!(packer.push(0, 1010, received, [0x12, 0x34]));
    assert!(packer.push(CRC_ERROR, 1015, &received[..4], [0, 0]));
    packer.finish(request, false);
    data
}
