//! Two connections without a line.

use wanbox_sim::Clock;

use super::*;

/// What one end has to send, the other gets.
fn exchange(now: Instant, from: &mut Connection, to: &mut Connection) -> bool {
    let mut unit = Vec::new();
    let Some(class) = from.poll_transmit(now, &mut unit) else {
        return false;
    };
    to.receive(now, class, &unit);
    true
}

#[test]
fn packets_pass_with_their_pids() {
    let now = Clock::new().now();
    let parameters = Parameters::default();
    let mut a = Connection::new(now, &parameters, 0);
    let mut b = Connection::new(now, &parameters, 0);
    b.listen();
    a.connect(now);
    while exchange(now, &mut a, &mut b) | exchange(now, &mut b, &mut a) {}
    assert_eq!(a.poll_event(), Some(Event::Up));
    assert_eq!(b.poll_event(), Some(Event::Up));
    a.send(now, pid::TEXT, b"hello\r").unwrap();
    a.send(now, pid::IP, &[0x45, 0, 0, 20]).unwrap();
    let mut later = now;
    for _ in 0..20 {
        while exchange(later, &mut a, &mut b) | exchange(later, &mut b, &mut a) {}
        later += Duration::from_millis(300);
        a.handle_timeout(later);
        b.handle_timeout(later);
    }
    let mut packet = Vec::new();
    assert_eq!(b.read_packet(&mut packet), Some(pid::IP));
    assert_eq!(packet, [0x45, 0, 0, 20]);
    packet.clear();
    assert_eq!(b.read_packet(&mut packet), None);
    assert_eq!(b.read(&mut packet), Some(pid::TEXT));
    assert_eq!(packet, b"hello\r");
    assert_eq!(b.read(&mut packet), None);
}
