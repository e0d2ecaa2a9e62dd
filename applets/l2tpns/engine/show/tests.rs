use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::config::Config;
use crate::{SessionId, TunnelId};

fn row() -> SessionRow<'static> {
    SessionRow {
        session: SessionId(1),
        linked: None,
        tunnel: TunnelId(2),
        user: "joe.user",
        address: Some(Ipv4Addr::new(10, 10, 10, 1)),
        snooped: false,
        throttled: true,
        garden: false,
        ipv6: false,
        opened: 63,
        downloaded: 0,
        uploaded: 32,
        idle: 3,
        remaining: None,
        origin: Origin::Lac(IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2))),
        calling: "0211112222",
    }
}

fn bucket(bucket: u32) -> Bucket {
    Bucket {
        bucket,
        session: SessionId(1),
        waiting: bucket == 2,
        rate: 28_672,
        credit: 7168,
        queued: 0,
        octets_in: 32,
        packets_in: 1,
        octets_sent: 32,
        packets_sent: 1,
        packets_dropped: 0,
        packets_delayed: 0,
    }
}

/// The words of a row begin or end where those of the heading do.
#[test]
fn sessions() {
    assert_eq!(
        SessionRow::HEADING,
        "  SID LkToSID  TID Username                         IP              I T G 6     opened \
         downloaded   uploaded idle   Rem.Time LAC(L)/RLNS(R)/PPPOE(P) CLI"
    );
    assert_eq!(
        row().to_string(),
        "    1       0    2 joe.user                         10.10.10.1      N Y N N         63 \
         \u{20}        0         32    3          0 (L)10.9.0.2             0211112222"
    );
    let unknown = SessionRow {
        session: SessionId(1_234_567),
        user: "",
        address: None,
        calling: "",
        origin: Origin::Pppoe([2, 0xaa, 0, 0, 0, 1]),
        ..row()
    };
    let line = unknown.to_string();
    assert!(line.starts_with("1234567       0    2 *   "), "{line}");
    assert!(line.ends_with("(P)02:AA:00:00:00:01    *"), "{line}");
    assert!(line.contains(" 0.0.0.0         N Y N N "), "{line}");
}

fn session() -> Session<'static> {
    Session {
        row: row(),
        called: "",
        phase: Phase::Network {
            ipcp: "Opened",
            ipv6cp: "Stopped",
            ccp: "Initial",
        },
        unique: 1_795_229_625,
        accounting: "",
        session_timeout: Some(30),
        idle_timeout: None,
        packets_down: 0,
        packets_up: 1,
        mru: 1460,
        rx_speed: 10_000_000,
        tx_speed: 0,
        filter_in: Some("abc"),
        filter_out: None,
        snoop: None,
        throttle: (Some(28), None),
        buckets: (Some(bucket(1)), None),
        routes: &[],
        prefixes: &[],
        bundle: None,
        dropped: &[],
    }
}

#[test]
fn one_session() {
    assert_eq!(
        session().to_string(),
        "\nSession 1:\n\tUser:\t\tjoe.user\n\tCalling Num:\t0211112222\n\tCalled Num:\t\n\
         \tTunnel ID:\t2\n\tPPP Phase:\tNetwork\n\t IPCP state:\tOpened\n\
         \t IPV6CP state:\tStopped\n\t CCP state:\tInitial\n\tIP address:\t10.10.10.1\n\
         \tUnique SID:\t1795229625\n\tOpened:\t\t63 seconds\n\tIdle time:\t3 seconds\n\
         \tSess Timeout:\t30 seconds\n\tBytes In/Out:\t0/32\n\tPkts In/Out:\t0/1\n\
         \tMRU:\t\t1460\n\tRx Speed:\t10000000\n\tTx Speed:\t0\n\tFilter in:\tabc\n\
         \tIntercepted:\tno\n\tWalled Garden:\tno\n\tThrottled:\tYES (28kbps/-)\n\
         \t\t\t Rate Credit Queued |  ByteIn  PackIn ByteSent PackSent PackDrop PackDelay\n\
         \tTBFI#1 \t\t28672   7168      0 |      32       1       32        1        0        0\n"
    );
    let early = Session {
        row: SessionRow {
            user: "",
            garden: true,
            ..row()
        },
        phase: Phase::Establish {
            lcp: "Request-Sent",
        },
        throttle: (None, None),
        snoop: Some("10.0.0.9:4000".parse().unwrap()),
        ..session()
    };
    let text = early.to_string();
    assert!(text.contains("\tUser:\t\tnone\n"), "{text}");
    assert!(
        text.contains("\tPPP Phase:\tEstablish\n\t LCP state:\tRequest-Sent\n\tIP"),
        "{text}"
    );
    assert!(
        text.ends_with("\tIntercepted:\t10.0.0.9:4000\n\tWalled Garden:\tYES\n\tThrottled:\tno\n")
    );
}

#[test]
fn throttled_sessions_and_buckets() {
    assert_eq!(
        ThrottleRow::HEADING,
        "  SID  TID Username                         Rate In    Out   TBFI   TBFO"
    );
    let throttled = ThrottleRow {
        session: SessionId(1),
        tunnel: TunnelId(2),
        user: "joe.user",
        rate_in: 28,
        rate_out: 64,
        bucket_in: 1,
        bucket_out: 2,
    };
    assert_eq!(
        throttled.to_string(),
        "    1    2 joe.user                              28     64      1      2"
    );
    assert_eq!(throttled.to_string().len(), ThrottleRow::HEADING.len());
    assert_eq!(
        bucket(2).to_string(),
        "    2*     1 28672   7168      0 |      32       1       32        1        0        0"
    );
    assert_eq!(bucket_totals(2, 6000), "2 tbf entries used, 6000 total");
}

#[test]
fn tunnels() {
    let row = TunnelRow {
        tunnel: TunnelId(2),
        host: "testlac",
        address: Some(IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2))),
        state: TunnelState::Open,
        sessions: 1,
        to_remote_lns: false,
    };
    assert_eq!(
        TunnelRow::HEADING,
        " TID             Hostname                   IP  State Sessions"
    );
    assert_eq!(
        row.to_string(),
        "   2              testlac             10.9.0.2   Open      1 Tunnel To LAC"
    );
    // As the original shows the first place of its table.
    let free = TunnelRow {
        tunnel: TunnelId(1),
        host: "",
        address: None,
        state: TunnelState::Free,
        sessions: 0,
        to_remote_lns: true,
    };
    assert_eq!(
        free.to_string(),
        "   1               (null)              0.0.0.0   Free      0 Tunnel To Remote LNS"
    );
    let tunnel = Tunnel {
        tunnel: TunnelId(2),
        state: TunnelState::Closing,
        host: "",
        vendor: "",
        peer: Some("10.9.0.2:1701".parse().unwrap()),
        peer_tunnel: 77,
        window: 4,
        next_received: 3,
        next_sent: 2,
        queued: 0,
        last_sent: Some(5),
        sessions: &[SessionId(1), SessionId(70_000)],
    };
    assert_eq!(
        tunnel.to_string(),
        "\nTunnel 2:\n\tState:\t\tClosing\n\tHostname:\t(none)\n\tRemote IP:\t10.9.0.2\n\
         \tRemote Port:\t1701\n\tRx Window:\t4\n\tNext Recv:\t3\n\tNext Send:\t2\n\
         \tQueue Len:\t0\n\tLast Packet Age:5\n\tSessions:\t1 70000 \n"
    );
    assert_eq!(
        ForwardRow::HEADING,
        "  IP Remote LNS TID  l2tp secret                      assignment Id                    \
         File/Radius   State Count Sess"
    );
    let forward = ForwardRow {
        address: IpAddr::V4(Ipv4Addr::new(1, 2, 3, 4)),
        tunnel: None,
        secret: "secret",
        assignment: "",
        from_radius: false,
        state: TunnelState::Free,
        sessions: 0,
    };
    assert_eq!(
        forward.to_string(),
        "        1.2.3.4   0  secret                                                            \
         \u{20}      File   Close          0"
    );
}

#[test]
fn addresses() {
    let address = Ipv4Addr::new(10, 10, 10, 1);
    let mut row = PoolRow {
        address,
        session: None,
        user: "",
        released: None,
    };
    assert_eq!(PoolRow::HEADING, "IP Address      Used  Session User");
    assert_eq!(row.to_string(), "10.10.10.1     \tN");
    row.user = "joe.user";
    row.released = Some(1548);
    assert_eq!(
        row.to_string(),
        "10.10.10.1     \tN          [joe.user] 1548s"
    );
    row.session = Some(SessionId(7));
    assert_eq!(row.to_string(), "10.10.10.1     \tY        7 joe.user");
    let mut totals = PoolTotals {
        free: 7,
        used: 0,
        all: true,
    };
    assert_eq!(totals.to_string(), "\nFree: 7\nUsed: 0\n");
    totals.all = false;
    let text = "(Not displaying unused addresses)\n\nFree: 7\nUsed: 0\n";
    assert_eq!(totals.to_string(), text);

    let entry = |address: IpAddr, length| IpCacheRow {
        session: SessionId(1),
        address,
        length,
    };
    assert_eq!(entry(address.into(), 32).to_string(), "      1 10.10.10.1");
    assert_eq!(
        entry(address.into(), 30).to_string(),
        "      1 10.10.10.1/30"
    );
    let prefix = "2001:db8::".parse().unwrap();
    assert_eq!(entry(prefix, 64).to_string(), "      1 2001:db8::/64");
    assert_eq!(IpCacheRow::total(7), "7 entries in cache");
}

#[test]
fn radius() {
    assert_eq!(
        RadiusRow::HEADING,
        "    ID Radius Sock State  Session    Retry Try"
    );
    let row = RadiusRow {
        slot: 205,
        identifier: 3,
        socket: 13,
        state: RadiusState::Null,
        session: None,
        retry: 0,
        tries: 0,
    };
    assert_eq!(
        row.to_string(),
        "   205      3   13  NULL        0        0   0"
    );
    let totals = RadiusTotals {
        free: 16_383,
        used: 0,
    };
    assert_eq!(totals.to_string(), "\nFree: 16383\nUsed: 0\n");
    assert_eq!(RadiusState::Interim.name(), "INTRM");
}

#[test]
fn counters_since_they_were_cleared() {
    let of = |octets, created, waiting| {
        let traffic = Traffic {
            octets,
            packets: octets / 100,
            errors: 3 * created,
            dropped: created,
            retries: 2 * created,
        };
        Counters {
            ethernet_rx: traffic,
            ethernet_tx: traffic,
            tunnel_rx: traffic,
            tunnel_tx: traffic,
            named: vec![("tunnel_created", created), ("calls_waiting", waiting)],
            ..Counters::default()
        }
    };
    let shown = of(1000, 9, 2).since(&of(300, 4, 7));
    let traffic = Traffic {
        octets: 700,
        packets: 7,
        errors: 15,
        dropped: 5,
        retries: 10,
    };
    for part in [
        shown.ethernet_rx,
        shown.ethernet_tx,
        shown.tunnel_rx,
        shown.tunnel_tx,
    ] {
        assert_eq!(part, traffic);
    }
    // What waits now is no count.
    assert_eq!(shown.named, [("tunnel_created", 5), ("calls_waiting", 2)]);
}

#[test]
fn counters() {
    let counters = Counters {
        ethernet_rx: Traffic {
            octets: 208,
            packets: 4,
            ..Traffic::default()
        },
        tunnel_tx: Traffic {
            retries: 9,
            ..Traffic::default()
        },
        named: vec![("select_called", 470), ("malformed", 5)],
        reset_text: "Sat Nov 21 13:34:06 2026".into(),
        ..Counters::default()
    };
    let text = counters.to_string();
    // As the original prints it, but for the counters behind the second heading.
    let start = "Ethernet        Bytes    Packets     Errors    Dropped\n\
        RX                208          4          0          0\n\
        TX                  0          0          0          0\n \n\
        Tunnel          Bytes    Packets     Errors    Retries\n\
        RX                  0          0          0\n\
        TX                  0          0          0          9\n \n\
        Counter                       Value     \n\
        -----------------------------------------\n\
        radius_retries                0\narp_sent                      0\n";
    let end = "select_called                 470\n\
        multi_read_used               0\nmulti_read_exceeded           0\n\n\
        Counter                       Value     \n\
        -----------------------------------------\n\
        malformed                     5\n \nLast counter reset Sat Nov 21 13:34:06 2026\n";
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn histograms() {
    let none = Histogram::idle([]).to_string();
    assert!(
        none.starts_with("  0 seconds  :    0.00% (     0)\n  5 seconds  :    0.00% (     0)\n")
    );
    assert!(none.ends_with("310 seconds  :    0.00% (     0)\nlots of secs :    0.00% (     0)\n0 total sessions open.\n"));
    assert!(!none.contains("nan"));
    let idle = Histogram::idle([0, 4, 5, 314, 315, u64::MAX]);
    assert_eq!(idle.rows[..2], [(0, 2), (5, 1)]);
    assert_eq!((idle.rows[62], idle.beyond), ((310, 1), Some(2)));
    assert!(
        idle.to_string()
            .contains("  5 seconds  :   16.67% (     1)\n")
    );

    let open = Histogram::open([0, 1, 2, 3, 4, u64::MAX]);
    assert_eq!(open.rows[..4], [(1, 1), (2, 1), (4, 2), (8, 1)]);
    let text = open.to_string();
    assert!(
        text.starts_with(" <        1 seconds :   16.67% (     1)\n"),
        "{text}"
    );
    let last = " < 536870912 seconds :   16.67% (     1)\n6 total sessions open.\n";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn uptime() {
    let mut uptime = Uptime {
        time: "17:10:35".into(),
        seconds: 8 * 86_400,
        users: 2212,
        load: [0.21, 0.17, 0.16],
        bandwidth: Bandwidth {
            from_tunnels: 6 << 20,
            to_tun: 6 << 20,
            from_tun: 13 << 20,
            to_tunnels: (13 << 20) - 400_000,
            packets_in: 3033,
            packets_out: 2569,
        },
    };
    // The manual's, with the seconds that it should have.
    assert_eq!(
        uptime.to_string(),
        "17:10:35 up 8 days, 0 secs, 2212 users, load average: 0.21, 0.17, 0.16\n\
         Bandwidth: UDP-ETH:6/6  ETH-UDP:13/13  TOTAL:37.6   IN:3033 OUT:2569\n"
    );
    for (seconds, wanted) in [
        (1, "1 sec"),
        (48, "48 secs"),
        (61, "1 min"),
        (3599, "59 mins"),
        (3600, "1:00"),
        (86_400 + 7_500, "1 day, 2:05"),
    ] {
        uptime.seconds = seconds;
        let text = uptime.to_string();
        let (_, duration) = text.split_once(" up ").unwrap();
        assert!(
            duration.starts_with(&format!("{wanted}, 2212 users")),
            "{text}"
        );
    }
}

#[test]
fn without_cluster_and_bgp() {
    let text = "set bind_address 10.9.0.1\nload plugin garden\nload plugin sessionctl\n\
        router bgp 64512\nneighbour 10.9.0.3 remote-as 64513\nneighbour 10.9.0.3 timers 5 15\n";
    let (config, _) = Config::parse("f", text).unwrap();
    assert_eq!(
        Cluster::alone(&config, (3, 0, 2)).to_string(),
        "Cluster status   : Stand-alone\nMy address       : 10.9.0.1\n\
         VIP address      : 10.9.0.1\nMulticast address: 239.192.13.13\n\
         UDP port         : 32792\nMulticast i'face : eth0\nHighest session  : 3\n\
         Highest bundle   : 0\nHighest tunnel   : 2\n0 peers.\n"
    );
    let shown = bgp(&config, None);
    assert!(shown.ends_with(
        "\n10.9.0.3           64513        10.9.0.3 Disabled          0       0s    no   no    5   15\n"
    ), "{shown}");
    assert_eq!(bgp(&config, Some("10.9.0.4")).lines().count(), 4);
    assert_eq!(bgp(&Config::default(), None), "");
    assert_eq!(
        plugins(&config),
        "Plugins currently loaded:\n  garden\n  sessionctl\n"
    );
    assert!(version("1.0").starts_with("L2TPNS 1.0"));
    assert_eq!(banana().lines().count(), 14);
}

#[test]
fn access_lists_with_matches() {
    let text = "ip access-list extended web\npermit tcp any any eq 80\npermit tcp any any eq 443\n\
        deny ip any any\nip access-list standard lan\n";
    let (config, _) = Config::parse("f", text).unwrap();
    assert_eq!(
        access_list(config.access_lists.find("web").unwrap(), &[1, 5]),
        "Extended IP access list web\n permit tcp any any eq 80 (1 match)\n \
         permit tcp any any eq 443 (5 matches)\n deny ip any any\n"
    );
    assert_eq!(
        access_list(config.access_lists.find("lan").unwrap(), &[]),
        "Standard IP access list lan\n"
    );
}
