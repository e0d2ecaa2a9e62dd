//! Counters over HTTP, for Prometheus: one page, `/metrics`.
//!
//! As little of HTTP/1.0 as that takes. There are few clients at a time, each has to ask within a
//! few hundred octets and a few seconds, and a connection serves one request.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};

/// Clients at a time; others wait in the kernel's queue.
const MAX_CLIENTS: usize = 8;
/// The longest request, octets.
const MAX_REQUEST: usize = 4096;
/// How long a client may take for everything.
const PATIENCE: Duration = Duration::from_secs(10);
/// The token of the listening socket; clients have those below.
const LISTENER: u32 = u32::MAX;

/// The server.
pub struct Metrics {
    owner: u32,
    listener: TcpListener,
    listening: Source,
    clients: [Option<Client>; MAX_CLIENTS],
}

struct Client {
    stream: TcpStream,
    source: Source,
    request: Vec<u8>,
    /// Empty until the request is there.
    answer: Vec<u8>,
    sent: usize,
}

impl Metrics {
    /// Listens; descriptors and timers get tokens of `owner`.
    ///
    /// # Errors
    /// The address is not one of this host, or the port is taken.
    pub fn bind(lp: &mut Loop, owner: u32, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let token = Token::new(owner, LISTENER);
        let listening = lp.register(&listener, token, Interest::Read, Priority::Normal)?;
        Ok(Self {
            owner,
            listener,
            listening,
            clients: [const { None }; MAX_CLIENTS],
        })
    }

    /// A descriptor of this server is ready; `page` writes the counters.
    pub fn ready(&mut self, lp: &mut Loop, token: Token, page: impl FnOnce() -> String) {
        if token.id == LISTENER {
            self.accept(lp);
        } else if self.serve(lp, token.id, page).is_err() {
            self.close(lp, token.id);
        }
    }

    /// A client took too long, or it is time to listen again.
    pub fn timer(&mut self, lp: &mut Loop, token: Token) {
        if token.id == LISTENER {
            self.listen(lp, Interest::Read);
        } else {
            self.close(lp, token.id);
        }
    }

    fn client(&mut self, id: u32) -> Option<&mut Option<Client>> {
        self.clients.get_mut(usize::try_from(id).ok()?)
    }

    fn accept(&mut self, lp: &mut Loop) {
        while let Some(place) = self.clients.iter().position(Option::is_none) {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    // Such as too many open files: that passes, but not at once.
                    lp.set_timer(Token::new(self.owner, LISTENER), lp.now() + PATIENCE);
                    break;
                }
            };
            let id = place as u32;
            let token = Token::new(self.owner, id);
            let source = stream
                .set_nonblocking(true)
                .and_then(|()| lp.register(&stream, token, Interest::Read, Priority::Normal));
            // Without a place in the poll loop there is nothing to serve it with.
            let Ok(source) = source else { continue };
            lp.set_timer(token, lp.now() + PATIENCE);
            if let Some(slot) = self.client(id) {
                *slot = Some(Client {
                    stream,
                    source,
                    request: Vec::new(),
                    answer: Vec::new(),
                    sent: 0,
                });
            }
        }
        self.listen(lp, Interest::None);
    }

    fn listen(&self, lp: &mut Loop, interest: Interest) {
        // The listener is registered as long as it is there.
        let _ = lp.modify(self.listening, &self.listener, interest);
    }

    /// # Errors
    /// The connection is over, whether well or not.
    fn serve(&mut self, lp: &mut Loop, id: u32, page: impl FnOnce() -> String) -> io::Result<()> {
        let Some(Some(client)) = self.client(id) else {
            return Ok(());
        };
        if client.answer.is_empty() {
            if !client.read()? {
                return Ok(());
            }
            client.answer = answer(&client.request, page);
        }
        if !client.write()? {
            return lp.modify(client.source, &client.stream, Interest::Write);
        }
        // To close now could make the kernel throw away what the client has not read yet.
        client.stream.shutdown(Shutdown::Write)?;
        lp.modify(client.source, &client.stream, Interest::Read)?;
        client.finish()
    }

    fn close(&mut self, lp: &mut Loop, id: u32) {
        lp.cancel_timer(Token::new(self.owner, id));
        if let Some(client) = self.client(id).and_then(Option::take) {
            // It is registered as long as it is there.
            let _ = lp.deregister(client.source, &client.stream);
            self.listen(lp, Interest::Read);
        }
    }
}

impl Client {
    /// Returns whether the request is there.
    fn read(&mut self) -> io::Result<bool> {
        let mut octets = [0; 512];
        loop {
            let count = match self.stream.read(&mut octets) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            self.request
                .extend_from_slice(octets.get(..count).unwrap_or_default());
            let end = |mark: &[u8]| self.request.windows(mark.len()).any(|part| part == mark);
            if self.request.len() > MAX_REQUEST || end(b"\r\n\r\n") || end(b"\n\n") {
                return Ok(true);
            }
        }
    }

    /// Returns whether all was sent.
    fn write(&mut self) -> io::Result<bool> {
        while let Some(rest) = self.answer.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Waits for the client to be gone; what it says now counts for nothing.
    fn finish(&mut self) -> io::Result<()> {
        let mut octets = [0; 512];
        match self.stream.read(&mut octets) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn answer(request: &[u8], page: impl FnOnce() -> String) -> Vec<u8> {
    let line = request.split(|octet| matches!(octet, b'\r' | b'\n')).next();
    let line = String::from_utf8_lossy(line.unwrap_or_default());
    let mut words = line.split(' ');
    let (method, path) = (words.next(), words.next());
    let path = path.map(|path| path.split('?').next().unwrap_or_default());
    let (status, text) = match (method, path) {
        _ if request.len() > MAX_REQUEST => ("431 Request Header Fields Too Large", String::new()),
        (Some("GET" | "HEAD"), Some("/metrics")) => ("200 OK", page()),
        (Some("GET" | "HEAD"), Some(_)) => ("404 Not Found", "try /metrics\n".to_owned()),
        (Some(_), Some(_)) => ("405 Method Not Allowed", String::new()),
        _ => ("400 Bad Request", String::new()),
    };
    let mut answer = format!(
        "HTTP/1.0 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    if method != Some("HEAD") {
        answer.push_str(&text);
    }
    answer.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use wanbox_runtime::event_loop::{Handler, Readiness};

    use super::*;

    struct Host(Metrics);

    impl Handler for Host {
        fn ready(&mut self, lp: &mut Loop, token: Token, _: Readiness) {
            self.0.ready(lp, token, || "sessions 3\n".repeat(100_000));
        }

        fn timer(&mut self, lp: &mut Loop, token: Token) {
            self.0.timer(lp, token);
        }
    }

    fn server() -> (Loop, Host, SocketAddr) {
        let mut lp = Loop::new().unwrap();
        let address = "127.0.0.1:0".parse().unwrap();
        let metrics = Metrics::bind(&mut lp, 7, address).unwrap();
        let address = metrics.listener.local_addr().unwrap();
        (lp, Host(metrics), address)
    }

    /// What a client that says this hears.
    fn ask(request: &'static [u8]) -> String {
        let (mut lp, mut host, address) = server();
        let client = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            for part in request.chunks(10) {
                stream.write_all(part).unwrap();
            }
            let mut text = String::new();
            let _ = stream.read_to_string(&mut text);
            text
        });
        let until = Instant::now() + Duration::from_secs(10);
        while !client.is_finished() && Instant::now() < until {
            let soon = Instant::now() + Duration::from_millis(5);
            lp.turn(&mut host, Some(soon)).unwrap();
        }
        client.join().unwrap()
    }

    #[test]
    fn serves_its_page_and_nothing_else() {
        let text = ask(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
        assert!(head.contains("Content-Length: 1100000"), "{head}");
        assert_eq!(body.len(), 1_100_000);
        let head = ask(b"HEAD /metrics HTTP/1.0\n\n");
        assert!(head.starts_with("HTTP/1.0 200") && head.ends_with("\r\n\r\n"));
        assert!(ask(b"GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 404"));
        assert!(ask(b"POST /metrics HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 405"));
        assert!(ask(b"what\r\n\r\n").starts_with("HTTP/1.0 400"));
        assert!(ask(&[b'x'; 5000]).starts_with("HTTP/1.0 431"));
    }

    #[test]
    fn clients_that_wait_are_few() {
        let (mut lp, mut host, address) = server();
        let mut turn = |host: &mut Host| {
            for _ in 0..20 {
                let soon = Instant::now() + Duration::from_millis(2);
                lp.turn(host, Some(soon)).unwrap();
            }
        };
        let mut idle: Vec<_> = (0..20)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        turn(&mut host);
        assert!(host.0.clients.iter().all(Option::is_some));
        // The others are served as soon as there is room.
        idle.truncate(4);
        turn(&mut host);
        idle.clear();
        turn(&mut host);
        assert!(host.0.clients.iter().all(Option::is_none));
    }
}
