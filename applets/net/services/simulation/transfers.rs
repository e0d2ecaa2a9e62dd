//! `record` and `upload`.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use super::*;

/// A file that can be looked at while it is written; or a disk that is full.
#[derive(Clone, Default)]
struct File(Rc<RefCell<Vec<u8>>>, bool);

impl Write for File {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.1 {
            return Err(io::Error::other("disk full"));
        }
        self.0.borrow_mut().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(net: &mut Net) -> (SessionId, Id) {
    let listener = net.listen(1, 23);
    let session = net.telnet(23);
    net.seconds(1);
    net.screen(0);
    (session, net.accept(1, listener))
}

fn upload(net: &mut Net, session: SessionId, file: Box<dyn Read>) {
    net.with(0, |services, _, _, _| {
        services
            .upload(session, Some(("f".to_owned(), file)))
            .unwrap();
    });
}

#[test]
fn both_ways_are_recorded_until_the_other_end_echoes() {
    let mut net = Net::new();
    let (session, server) = open(&mut net);
    let file = File::default();
    let services = &mut net.nodes[0].services;
    services
        .record(session, Some(("log".to_owned(), Box::new(file.clone()))))
        .unwrap();
    assert_eq!(services.recording(session), Some("log"));
    let list = services.session_list(net.now, &net.nodes[0].station, None);
    assert!(
        list.ends_with("44.1.0.2:telnet    Record: log \n"),
        "{list}"
    );
    net.line(session, "typed");
    net.send(1, server, b"\x1b[1mcame\r\n");
    net.seconds(1);
    assert_eq!(*file.0.borrow(), b"typed\n\x1b[1mcame\n");
    net.send(1, server, b"\xff\xfb\x01");
    net.seconds(1);
    net.with(0, |services, station, now, _| {
        services.type_keys(now, station, session, b"secret\r");
    });
    net.seconds(1);
    assert_eq!(*file.0.borrow(), b"typed\n\x1b[1mcame\n");
    net.nodes[0].services.record(session, None).unwrap();
    assert_eq!(net.nodes[0].services.recording(session), None);
}

#[test]
fn a_full_disk_is_said() {
    let mut net = Net::new();
    let (session, server) = open(&mut net);
    let file = File(Rc::default(), true);
    net.nodes[0]
        .services
        .record(session, Some(("log".to_owned(), Box::new(file))))
        .unwrap();
    net.send(1, server, b"came\r\n");
    net.seconds(1);
    assert_eq!(net.screen(0), "came\r\nCan't write log: disk full\r\n");
    assert_eq!(net.nodes[0].services.recording(session), None);
}

#[test]
fn a_long_file_is_uploaded_as_lines() {
    let mut net = Net::new();
    let (session, server) = open(&mut net);
    let file = "a line\nwith CR LF\r\nand \u{ff}\n".repeat(500);
    upload(&mut net, session, Box::new(io::Cursor::new(file.clone())));
    assert_eq!(net.nodes[0].services.uploading(session), Some("f"));
    let mut received = Vec::new();
    for _ in 0..300 {
        net.seconds(1);
        received.append(&mut net.receive(1, server));
    }
    let expected = file.replace("\r\n", "\n").replace('\n', "\r\n");
    assert_eq!(String::from_utf8(received).unwrap(), expected);
    // It ended by itself, without a word.
    assert_eq!(net.nodes[0].services.uploading(session), None);
    assert_eq!(net.screen(0), "");
}

#[test]
fn to_an_echoing_server_keys_are_uploaded() {
    let mut net = Net::new();
    let (session, server) = open(&mut net);
    net.send(1, server, b"\xff\xfb\x01");
    net.seconds(1);
    net.receive(1, server);
    let file: &[u8] = b"a\nb\r\n\xff";
    upload(&mut net, session, Box::new(file));
    net.seconds(1);
    assert_eq!(net.receive(1, server), b"a\r\0b\r\0\xff\xff");
}

#[test]
fn no_file_for_finger_and_none_that_cannot_be_read() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("bad sector"))
        }
    }
    let mut net = Net::new();
    let (session, _) = open(&mut net);
    let broken: Box<dyn Read> = Box::new(Broken);
    upload(&mut net, session, broken);
    net.seconds(1);
    assert_eq!(net.screen(0), "Can't read f: bad sector\r\n");
    let finger = net.with(0, |services, station, now, _| {
        services.open_finger(now, station, B, "").unwrap()
    });
    assert_eq!(
        net.nodes[0].services.may_upload(finger),
        Err("Uploading on FINGER session not supported".to_owned())
    );
    // A file goes with the session.
    let endless: Box<dyn Read> = Box::new(io::repeat(b'x'));
    upload(&mut net, session, endless);
    net.seconds(1);
    net.with(0, |services, station, now, _| {
        services.close_session(now, station, session).unwrap();
    });
    assert_eq!(net.nodes[0].services.uploading(session), None);
}
