use std::time::{Duration, Instant};

use super::*;

fn open(local: &str, offload: bool) -> ManySocket {
    ManySocket::open(&ManyConfig {
        local: local.parse().unwrap(),
        receive_buffer: Some(1 << 20),
        send_buffer: Some(1 << 20),
        offload,
    })
    .unwrap()
}

/// What arrived, and from where.
fn receive_all(socket: &mut ManySocket, wanted: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut buffer = vec![0; ManySocket::MAX_RECEIVE];
    let mut all = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(2);
    while all.len() < wanted && Instant::now() < deadline {
        if let Some(got) = socket.receive(&mut buffer).unwrap() {
            let datagrams = got.received.datagrams(&buffer);
            all.extend(datagrams.map(|datagram| (got.from, datagram.to_vec())));
        }
    }
    all
}

fn slices(datagrams: &[Vec<u8>]) -> Vec<IoSlice<'_>> {
    datagrams.iter().map(|d| IoSlice::new(d)).collect()
}

#[test]
fn many_peers_over_one_socket() {
    for (local, offload) in [
        ("127.0.0.1:0", true),
        ("127.0.0.1:0", false),
        ("[::1]:0", true),
    ] {
        let mut one = open(local, offload);
        let here = one.local_addr().unwrap();
        let mut peers: Vec<ManySocket> = (0..3).map(|_| open(local, offload)).collect();
        let mut sizes = vec![1400; 70];
        sizes.extend([300, 1400, 1400, 7, 8, 9, 20_000, 20, 20, 20]);
        let all: Vec<Vec<u8>> = sizes
            .iter()
            .enumerate()
            .map(|(n, size)| vec![n as u8; *size])
            .collect();
        for peer in &mut peers {
            let to = peer.local_addr().unwrap();
            assert_eq!(one.send(to, &slices(&all)).unwrap(), all.len());
            let got = receive_all(peer, all.len());
            assert!(got.iter().all(|(from, _)| *from == here));
            assert!(got.into_iter().map(|(_, d)| d).eq(all.iter().cloned()));
            // And back.
            assert_eq!(peer.send(here, &slices(&all[..5])).unwrap(), 5);
            let got = receive_all(&mut one, 5);
            assert!(got.iter().all(|(from, _)| *from == to) && got.len() == 5);
        }
        let stats = *one.stats();
        assert_eq!(stats.sent, 3 * all.len() as u64);
        assert_eq!(stats.segmented_sends > 0, offload);
        assert_eq!(peers[0].stats().merged_receives > 0, offload);
    }
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    for (all, asked, v6) in [("0.0.0.0:0", "127.0.0.77", false), ("[::]:0", "::1", true)] {
        let mut server = open(all, true);
        let port = server.local_addr().unwrap().port();
        let mut client = open(if v6 { "[::1]:0" } else { "127.0.0.1:0" }, true);
        let to = SocketAddr::new(asked.parse().unwrap(), port);
        client.send(to, &[IoSlice::new(b"question")]).unwrap();
        let got = receive_all(&mut server, 1);
        let answers = vec![vec![1; 100]; 10];
        assert_eq!(server.send(got[0].0, &slices(&answers)).unwrap(), 10);
        let got = receive_all(&mut client, 10);
        assert_eq!(got.len(), 10);
        assert!(got.iter().all(|(from, _)| *from == to));
    }
}

#[test]
fn both_versions_on_one_port() {
    let four = open("0.0.0.0:0", true);
    let port = four.local_addr().unwrap().port();
    open(&format!("[::]:{port}"), true);
    let error = ManySocket::open(&ManyConfig {
        local: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port),
        receive_buffer: None,
        send_buffer: None,
        offload: true,
    })
    .unwrap_err();
    assert_eq!(error.error().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn peers_that_are_not_there_stop_nothing() {
    let mut one = open("127.0.0.1:0", true);
    let gone = open("127.0.0.1:0", true).local_addr().unwrap();
    let mut there = open("127.0.0.1:0", true);
    for _ in 0..3 {
        assert_eq!(one.send(gone, &[IoSlice::new(&[0; 9])]).unwrap(), 1);
        let to = there.local_addr().unwrap();
        assert_eq!(one.send(to, &[IoSlice::new(&[0; 9])]).unwrap(), 1);
    }
    assert_eq!(receive_all(&mut there, 3).len(), 3);
    assert!(one.receive(&mut [0; 100]).unwrap().is_none());
}
