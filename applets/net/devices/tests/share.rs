//! Programs that share an interface.

use wanbox_wire::kiss::Check;

use super::lines::pty;
use super::radio::{SABM, kiss, ui};
use super::*;

impl Rig {
    /// Shares an interface on a port that is free.
    fn share(&mut self, id: InterfaceId) -> SocketAddrV4 {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let local = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let Site { station, devices } = &mut self.site;
        devices
            .start_kiss(&mut self.lp, station, id, local)
            .unwrap();
        local
    }

    fn clients(&mut self, id: InterfaceId, count: usize) {
        let wanted = format!(": {count} clients,");
        self.until(&wanted, |site| {
            site.devices.device_lines(id).contains(&wanted)
        });
    }
}

fn program(local: SocketAddrV4) -> TcpStream {
    let program = TcpStream::connect(local).unwrap();
    program.set_nonblocking(true).unwrap();
    program
}

/// What a program reads: so many octets.
#[track_caller]
fn reads(rig: &mut Rig, mut program: &TcpStream, octets: &[u8]) {
    let mut all = Vec::new();
    rig.until("a program reads", |_| {
        let mut room = [0; 4096];
        if let Ok(count) = program.read(&mut room) {
            all.extend_from_slice(&room[..count]);
        }
        all.len() >= octets.len()
    });
    assert_eq!(all, octets);
}

#[test]
fn programs_hear_the_interface_and_each_other() {
    let mut rig = Rig::new(A);
    let (master, id) = rig.tnc(Encapsulation::KissI);
    let port = rig.attach("tnc1", &Device::KissPort { line: id, port: 1 }, None);
    let port = port.unwrap();
    let (of_all, of_port) = (rig.share(id), rig.share(port));
    let (first, second, third) = (program(of_all), program(of_all), program(of_port));
    rig.clients(id, 2);
    rig.clients(port, 1);
    // What is heard; of the other port with its number, or alone.
    write(&master, &kiss(0, Check::None, SABM));
    let other = ui("N0PRA", "QST", &[], 3);
    write(&master, &kiss(0x10, Check::None, &other));
    let both = [kiss(0, Check::None, SABM), kiss(0x10, Check::None, &other)].concat();
    reads(&mut rig, &first, &both);
    reads(&mut rig, &second, &both);
    reads(&mut rig, &third, &kiss(0, Check::None, &other));
    // What one says leaves, and the others hear it.
    (&first).write_all(&kiss(0x10, Check::None, SABM)).unwrap();
    let line = kiss(0x10, Check::None, SABM);
    assert_eq!(read(&master, &mut rig, line.len()), line);
    reads(&mut rig, &second, &line);
    reads(&mut rig, &third, &kiss(0, Check::None, SABM));
    (&third).write_all(&kiss(0, Check::None, &other)).unwrap();
    let line = kiss(0x10, Check::None, &other);
    assert_eq!(read(&master, &mut rig, line.len()), line);
    reads(&mut rig, &first, &line);
    assert_eq!(rig.interface(port).counters.sent.total, 2);
    // The station hears what the line hears, and not its own side.
    assert_eq!((rig.heard(id), rig.heard(port)), (1, 1));
}

#[test]
fn what_programs_may_send() {
    let mut rig = Rig::new(A);
    let (master, id) = rig.tnc(Encapsulation::KissI);
    let local = rig.share(id);
    let program = program(local);
    // Commands are not for all; other ports are not there; check sequences are read.
    for frame in [
        &kiss(1, Check::None, &[40])[..],
        &kiss(0xff, Check::None, &[0]),
        b"\xc0\xdb\xc0",
        b"KISS ON\r\xc0",
        &kiss(0, Check::None, b"short"),
        &kiss(0x30, Check::None, SABM),
        &kiss(0, Check::Smack, SABM),
        &kiss(0, Check::Rmnc, SABM),
        &kiss(0x0c, Check::None, &[&[1, 2], SABM].concat()),
    ] {
        (&program).write_all(frame).unwrap();
    }
    let plain = kiss(0, Check::None, SABM);
    let line = [&plain[..], &plain, &plain].concat();
    assert_eq!(read(&master, &mut rig, line.len()), line);
    // And it is told what was sent.
    reads(&mut rig, &program, &kiss(0x0c, Check::None, &[1, 2]));
    let shown = rig.site.devices.device_lines(id);
    let expected = format!(
        "           kiss {local}: 1 clients, sent 3 commands 2 malformed 4 lost 0 turned away 0\n"
    );
    assert!(shown.contains(&expected), "{shown}");
    drop(program);
    rig.clients(id, 0);
}

#[test]
fn programs_wait_for_a_slow_line() {
    let (master, port) = pty();
    let mut rig = Rig::new(A);
    let device = Device::Asy {
        port,
        mode: Encapsulation::KissUi,
        speed: 115_200,
        auto: false,
    };
    let id = rig.attach("tnc0", &device, None).unwrap();
    let local = rig.share(id);
    let mut program = TcpStream::connect(local).unwrap();
    let frame = kiss(0, Check::None, &ui("N0PRA", "DB0AAA", &[], 200));
    let (frames, octets) = (100, frame.len());
    let writer = thread::spawn(move || program.write_all(&frame.repeat(frames)).map(|()| program));
    let mut got = 0;
    while got < frames * octets {
        got += read(&master, &mut rig, 1).len();
        assert!(rig.site.devices.sink().queued(id) < 40);
    }
    assert_eq!((got, rig.counter(id, "queue_full")), (frames * octets, 0));
    drop(writer.join().unwrap().unwrap());
}

#[test]
fn a_program_that_does_not_listen_loses_what_it_does_not_hear() {
    let mut rig = Rig::new(A);
    let (_master, id) = rig.tnc(Encapsulation::KissUi);
    let local = rig.share(id);
    let deaf = program(local);
    rig.clients(id, 1);
    let frame = ui("N0PRA", "QST", &[], 4000);
    rig.until("something is lost", |site| {
        for _ in 0..100 {
            site.devices.lines.tell_clients(id, &frame);
        }
        !site.devices.device_lines(id).contains(" lost 0 ")
    });
    drop(deaf);
    rig.clients(id, 0);
}

#[test]
fn servers_come_and_go() {
    let mut rig = Rig::new(A);
    let (_master, id) = rig.tnc(Encapsulation::KissI);
    let local = rig.share(id);
    let Site { station, devices } = &mut rig.site;
    let start =
        |devices: &mut Devices, lp: &mut Loop, id| devices.start_kiss(lp, station, id, local);
    assert_eq!(
        start(devices, &mut rig.lp, id),
        Err("Interface tnc0 is shared already".to_owned())
    );
    assert_eq!(
        start(devices, &mut rig.lp, InterfaceId::LOOPBACK),
        Err("Interface loopback not AX.25".to_owned())
    );
    let mut program = TcpStream::connect(local).unwrap();
    rig.clients(id, 1);
    assert!(
        !rig.site
            .devices
            .stop_kiss(&mut rig.lp, Some(InterfaceId::LOOPBACK))
    );
    assert!(rig.site.devices.stop_kiss(&mut rig.lp, Some(id)));
    assert!(!rig.site.devices.stop_kiss(&mut rig.lp, None));
    assert_eq!(program.read(&mut [0; 9]).unwrap(), 0);
    assert!(TcpStream::connect(local).is_err());
    assert!(!rig.site.devices.device_lines(id).contains("kiss"));
    let again = rig.share(id);
    // More than there may be.
    let programs: Vec<_> = (0..33)
        .map(|_| TcpStream::connect(again).unwrap())
        .collect();
    rig.until("one is turned away", |site| {
        site.devices.device_lines(id).contains(": 32 clients,")
            && site.devices.device_lines(id).contains(" turned away 1\n")
    });
    drop(programs);
}
