use std::time::{Duration, Instant};

use super::*;

fn pair(v6: bool, offload: bool) -> (BatchSocket, BatchSocket) {
    let any: SocketAddr = if v6 { "[::1]:0" } else { "127.0.0.1:0" }.parse().unwrap();
    // Ports that were free a moment ago; another test may take one, then the next try has others.
    for _ in 0..20 {
        let free = || UdpSocket::bind(any).unwrap().local_addr().unwrap();
        let (a, b) = (free(), free());
        let open = |local, remote| {
            let mut config = Config::new(local, remote);
            config.offload = offload;
            config.receive_buffer = Some(1 << 20);
            config.send_buffer = Some(1 << 20);
            BatchSocket::open(&config)
        };
        if let (Ok(a), Ok(b)) = (open(a, b), open(b, a)) {
            return (a, b);
        }
    }
    panic!("no two free ports in 20 tries");
}

fn receive_all(socket: &mut BatchSocket, wanted: usize) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; BatchSocket::MAX_RECEIVE];
    let mut all = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(2);
    while all.len() < wanted && Instant::now() < deadline {
        if let Some(got) = socket.receive(&mut buffer).unwrap() {
            all.extend(got.datagrams(&buffer).map(<[u8]>::to_vec));
        }
    }
    all
}

fn datagrams(sizes: &[usize]) -> Vec<Vec<u8>> {
    let fill = |(n, &size): (usize, &usize)| vec![n as u8; size];
    sizes.iter().enumerate().map(fill).collect()
}

fn send_all(socket: &mut BatchSocket, all: &[Vec<u8>]) {
    let pieces: Vec<_> = all
        .iter()
        .map(|d| {
            let (head, body) = d.split_at(d.len().min(4));
            [IoSlice::new(head), IoSlice::new(body)]
        })
        .collect();
    assert_eq!(socket.send(&pieces).unwrap(), all.len());
}

#[test]
fn batches_arrive_whole_and_in_order() {
    for (v6, offload) in [(false, true), (false, false), (true, true)] {
        let (mut a, mut b) = pair(v6, offload);
        let mut sizes = vec![1400; 100];
        sizes.extend([300, 0, 1400, 1400, 7, 8, 9, 60_000, 0, 0, 20, 20, 20]);
        let all = datagrams(&sizes);
        send_all(&mut a, &all);
        let got = receive_all(&mut b, all.len());
        assert!(got == all, "{} of {} datagrams", got.len(), all.len());
        assert_eq!(a.stats().sent, all.len() as u64);
        assert_eq!(b.stats().received, all.len() as u64);
        assert_eq!(a.stats().segmented_sends > 0, offload);
        assert_eq!(
            b.stats().merged_receives > 0,
            offload,
            "loopback keeps super-datagrams whole"
        );
    }
}

#[test]
fn contiguous_segments() {
    let (mut a, mut b) = pair(false, true);
    let octets: Vec<u8> = (0..100_050u32).map(|n| (n / 1000) as u8).collect();
    assert_eq!(a.send_segments(&octets, 1000).unwrap(), octets.len());
    let got = receive_all(&mut b, 101);
    assert_eq!(got.len(), 101);
    assert_eq!(got.concat(), octets);
    assert!(a.send_segments(&octets, 0).is_err());
}

#[test]
fn segments_longer_than_the_mtu_go_singly() {
    let (mut a, mut b) = pair(false, true);
    // As the kernel's refusal would have it.
    a.segment_limit = 999;
    let all = datagrams(&[1000, 1000, 500, 500]);
    send_all(&mut a, &all);
    assert_eq!(receive_all(&mut b, 4), all);
    assert_eq!(a.stats().segmented_sends, 1);
    a.segment_limit = 0;
    send_all(&mut a, &all);
    assert_eq!(receive_all(&mut b, 4), all);
    assert_eq!(a.stats().segmented_sends, 1);
}

#[test]
fn a_peer_that_is_not_there_is_counted() {
    let (mut a, b) = pair(false, true);
    drop(b);
    let all = datagrams(&[10]);
    let deadline = Instant::now() + Duration::from_secs(2);
    while a.stats().unreachable == 0 && Instant::now() < deadline {
        send_all(&mut a, &all);
        assert_eq!(a.receive(&mut [0; 100]).unwrap(), None);
    }
    assert!(a.stats().unreachable > 0);
}

#[test]
fn only_the_peer_is_heard() {
    let (mut a, mut b) = pair(false, true);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.send_to(b"hello", b.local_addr().unwrap()).unwrap();
    let all = datagrams(&[3]);
    send_all(&mut a, &all);
    assert_eq!(receive_all(&mut b, 1), all);
    assert_eq!(b.stats().received, 1);
}

#[test]
fn what_does_not_fit_is_counted() {
    let (mut a, mut b) = pair(false, false);
    send_all(&mut a, &datagrams(&[100]));
    let deadline = Instant::now() + Duration::from_secs(2);
    while b.stats().cut == 0 && Instant::now() < deadline {
        assert_eq!(b.receive(&mut [0; 50]).unwrap(), None);
    }
    assert_eq!(b.stats().cut, 1);
}

#[test]
fn too_long_for_udp_is_counted() {
    let (mut a, _b) = pair(false, true);
    send_all(&mut a, &datagrams(&[65_530]));
    assert_eq!(a.stats().too_long, 1);
}

#[test]
fn errors_say_what_was_asked() {
    let error = |local: &str, remote: &str| {
        let config = Config::new(local.parse().unwrap(), remote.parse().unwrap());
        BatchSocket::open(&config).unwrap_err().to_string()
    };
    let mixed = error("127.0.0.1:0", "[::1]:9");
    assert!(
        mixed.contains("IPv4") && mixed.contains("[::1]:9"),
        "{mixed}"
    );
    let foreign = error("192.0.2.1:0", "192.0.2.2:9");
    assert!(foreign.contains("binding 192.0.2.1:0"), "{foreign}");
}
