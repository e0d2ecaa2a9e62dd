use proptest::prelude::*;

use super::*;
use crate::show::plain;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}

fn lines(link: Link, text: &str) -> String {
    let octets = hex(text);
    packet(
        "tnc0",
        Way::Sent,
        TraceFlags(0x0001),
        "Tue Jan 31 00:00:00 1987",
        link,
        &octets,
        &plain,
    )
}

const PING: &str = "45 00 00 24 00 01 00 00 FE 01 5B CF 2C 80 04 04 2C 80 04 05, \
    08 00 08 B2 00 00 00 00, 12 34 56 78 00 01 86 A0";

#[test]
fn the_datagrams_of_the_reference() {
    let title = "\nTue Jan 31 00:00:00 1987 - tnc0 sent:\n";
    assert_eq!(
        lines(Link::Ip, PING),
        format!(
            "{title}IP: len 36 44.128.4.4->44.128.4.5 ihl 20 ttl 254 prot ICMP\n\
             ICMP: type Echo Request id 0 seq 0\n"
        )
    );
    let wrapped = format!("45 00 00 38 00 02 00 00 FE 04 3A BA C0 01 01 01 C0 01 01 02 {PING}");
    assert_eq!(
        lines(Link::Ip, &wrapped),
        format!(
            "{title}IP: len 56 192.1.1.1->192.1.1.2 ihl 20 ttl 254 prot IP\n\
             IP: len 36 44.128.4.4->44.128.4.5 ihl 20 ttl 254 prot ICMP\n\
             ICMP: type Echo Request id 0 seq 0\n"
        )
    );
    assert_eq!(
        lines(
            Link::Ip,
            "45 00 00 2C 00 03 00 00 FE 06 5B C0 2C 80 04 04 2C 80 04 05, \
             04 00 00 17 12 34 50 00 00 00 00 00 60 02 08 00 CC 86 00 00 02 04 02 00"
        ),
        format!(
            "{title}IP: len 44 44.128.4.4->44.128.4.5 ihl 20 ttl 254 prot TCP\n\
             TCP: 1024->23 Seq x12345000 SYN Wnd 2048 MSS 512\n"
        )
    );
    assert_eq!(
        lines(
            Link::Ip,
            "45 00 00 20 00 08 00 00 FE 11 5B BC 2C 80 04 04 2C 80 04 05, 04 D2 04 D2 00 0C 30 66, 02 61 62 63"
        ),
        format!(
            "{title}IP: len 32 44.128.4.4->44.128.4.5 ihl 20 ttl 254 prot UDP\n\
             UDP: len 12 1234->1234 Data 4 CHECKSUM ERROR (65535)\n"
        )
        .replace("(65535)", &format!("({})", 0xfffe))
    );
    assert_eq!(
        lines(
            Link::Arp,
            "00 03 00 CC 07 04 00 01, 9C 60 A0 A4 82 40 60, 2C 80 04 04, 00 00 00 00 00 00 00, 2C 80 04 05"
        ),
        format!(
            "{title}ARP: len 30 hwtype AX.25 prot IP op REQUEST\n\
             sender IPaddr 44.128.4.4 hwaddr N0PRA\n\
             target IPaddr 44.128.4.5 hwaddr ......\n"
        )
    );
    assert_eq!(
        lines(Link::Arp, "00 03"),
        format!("{title}ARP: len 2 bad packet\n")
    );
    assert_eq!(
        lines(Link::Ip, "44 00 00"),
        format!("{title}IP: bad header\n")
    );
    assert_eq!(lines(Link::Ip, ""), format!("{title}empty packet!!\n"));
}

#[test]
fn messages_of_rip_and_errors() {
    let rip = "02 01 00 00, 00 02 00 00 2C 80 04 00 00 00 00 00 00 00 00 00 00 00 00 02, \
        00 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01";
    let datagram = format!(
        "45 00 00 48 00 07 00 00 FE 11 5B 95 2C 80 04 04 2C 80 04 05, 02 08 02 08 00 34 67 E5 {rip}"
    );
    assert!(lines(Link::Ip, &datagram).ends_with(
        "prot UDP\nUDP: len 52 520->520 Data 44\nRIP: RESPONSE vers 1 entries 2:\n\
         44.128.4.0      2   *               1   \n"
    ));
    let mut error =
        hex("45 00 00 38 00 01 00 00 FE 01 00 00 2C 80 04 05 2C 80 04 04, 03 01 00 00 00 00 00 00");
    error.extend(&hex(&datagram)[..28]);
    let mut text = String::new();
    ip(&mut text, &error, &plain);
    assert!(text.starts_with("IP: CHECKSUM ERROR ("), "{text}");
    assert!(
        text.contains("ICMP: type Unreachable code Host CHECKSUM ERROR"),
        "{text}"
    );
    assert!(text.ends_with(
        "Returned IP: len 72 44.128.4.4->44.128.4.5 ihl 20 ttl 254 prot UDP\nUDP: len 52 520->520 Data 44\nRIP: bad message\n"
    ), "{text}");
}

#[test]
fn fragments_and_flags() {
    let mut text = String::new();
    let mut first =
        hex("45 10 00 1C 00 09 20 00 20 11 00 00 01 00 00 01 02 00 00 02 00 35 00 35 01 00 00 01");
    ip(&mut text, &first, &plain);
    assert!(
        text.contains(
            "ihl 20 ttl 32 tos 16 id 9 offs 0 MF prot UDP\nUDP: len 256 53->53 Data 248\n"
        ),
        "{text}"
    );
    text.clear();
    first[6..8].copy_from_slice(&[0x40, 2]);
    let rest = ip(&mut text, &first, &plain);
    assert!(text.ends_with(" id 9 offs 16 DF\n"), "{text}");
    assert_eq!(rest.len(), 8);
}

#[test]
fn dumps() {
    let octets: Vec<u8> = (0x1e..0x30).collect();
    assert_eq!(
        hex_dump(&octets),
        "0000  1e 1f 20 21 22 23 24 25 26 27 28 29 2a 2b 2c 2d .. !\"#$%&'()*+,-\n\
         0010  2e 2f                                           ./\n"
    );
    assert_eq!(
        ascii_dump(&[0x41; 65]),
        format!("0000  {}\n0040  A\n", "A".repeat(64))
    );
    assert_eq!(
        raw(Way::Received, b"A"),
        format!(
            "\n******* raw packet dump (recv)\n{:<54}A\n*******\n",
            "0000  41 "
        )
    );
    let flags = TraceFlags(0x0110);
    let text = packet(
        "a",
        Way::Received,
        flags,
        "now",
        Link::Ip,
        &hex(PING),
        &plain,
    );
    assert!(text.ends_with("seq 0\n0000  .4Vx....\n"));
}

#[test]
fn compressed_headers() {
    let shown = |octets: &[u8]| {
        let mut text = String::new();
        serial(&mut text, octets, &plain);
        text
    };
    assert_eq!(
        shown(&[0xdb, 3, 0x12, 0x34, b'x']),
        "serial line VJ Compressed TCP: len   5\n\tchanges: 0xdb   connection: 0x03   TCP checksum: 0x1234   PUSH\n\
         \tdelta ACK and delta SEQ implied by length of data\n\tincrement ID\n"
    );
    assert_eq!(
        shown(&[0xac, 0x12, 0x34, 5, 0, 1, 0, 2]),
        "serial line VJ Compressed TCP: len   8\n\tchanges: 0xac   TCP checksum: 0x1234\n\
         \tdelta ACK: 0x05\tdelta SEQ: 0x100\n\tdelta ID: 0x02\n"
    );
    const SYN: &str = "45 00 00 2C 00 03 00 00 FE 06 5B C0 2C 80 04 04 2C 80 04 05, \
                       04 00 00 17 12 34 50 00 00 00 00 00 60 02 08 00 CC 86 00 00 02 04 02 00";
    let mut uncompressed = hex(SYN);
    uncompressed[0] = 0x75;
    uncompressed[9] = 7;
    let mut lines = String::new();
    ip(&mut lines, &hex(SYN), &plain);
    assert_eq!(
        shown(&uncompressed),
        format!("serial line VJ Uncompressed TCP: len  44\n\tconnection ID = 7\n{lines}")
    );
    let mut lines = String::new();
    ip(&mut lines, &hex(PING), &plain);
    assert_eq!(
        shown(&hex(PING)),
        format!("serial line IP: len:  36\n{lines}")
    );
}

/// From N0PRA to DB0SAO-1 via DB0ID, which has repeated it.
const COMMAND: &str = "88 84 60 a6 82 9e e2  9c 60 a0 a4 82 40 60  88 84 60 92 88 40 e1";
const RESPONSE: &str = "9c 60 a0 a4 82 40 60  88 84 60 a6 82 9e e3";

/// The lines of a frame without the title.
fn shown(link: Link, text: &str) -> String {
    let all = lines(link, text);
    all.split_once("sent:\n").unwrap().1.to_owned()
}

#[test]
fn frames_of_ax25() {
    for (control, line) in [
        ("3f", "SABM(P)"),
        ("7f", "SABME(P)"),
        ("53", "DISC(P)"),
        ("62 f0 41", "I NR=3 NS=1 pid=Text"),
        ("10 c4", "I(P) NR=0 NS=0 pid=Link quality"),
        ("11", "RR(P) NR=0"),
        ("a5", "RNR NR=5"),
        ("29", "REJ NR=1"),
        ("4d", "SREJ NR=2"),
        ("03 f0 41", "UI pid=Text"),
        ("03 c3", "UI pid=TEXNET"),
        ("03 99", "UI pid=0x99"),
        ("03", "UI no pid"),
        ("e3 41", "TEST"),
        ("00 08 82 f0 41", "I NR=0 NS=0 First seg; remain 2 pid=Text"),
        ("02 08 01 41", "I NR=0 NS=1 remain 1"),
        ("ef", "0xef[invalid]"),
        // Modulo 128.
        ("01 c9", "RR(P) NR=100"),
        ("0d c8", "SREJ NR=100"),
        ("80 13 f0 41", "I(P) NR=9 NS=64 pid=Text"),
        ("80 08 f0 41", "I NR=4 NS=64 pid=Text"),
        (
            "bf 82 80 00 17 02 02 21 00 03 03 86 a8 02 06 02 04 00 08 01 02 09 02 10 00 0a 01 03",
            "XID(P) half-duplex REJ SREJ modulo-128 paclen 128 window 2 t1 4096 retry 3",
        ),
    ] {
        assert_eq!(
            shown(Link::Ax25(None), &format!("{COMMAND} {control}")),
            format!("AX25: N0PRA->DB0SAO-1 v DB0ID* {line}\n")
        );
    }
    for (control, line) in [
        ("73", "UA(F)"),
        ("1f", "DM(F)"),
        ("0f", "DM"),
        (
            "87 3f 54 09",
            "FRMR: 3f VR=2 VS=2 Invalid control field Invalid NR",
        ),
        (
            "87 02 c8 14 c8 04",
            "FRMR: 02c8 VR=100 VS=10 Information too long",
        ),
    ] {
        assert_eq!(
            shown(Link::Ax25(None), &format!("{RESPONSE} {control}")),
            format!("AX25: DB0SAO-1->N0PRA {line}\n")
        );
    }
    let version_1 = RESPONSE.replace("9e e3", "9e 63");
    assert_eq!(
        shown(Link::Ax25(None), &format!("{version_1} 11")),
        "AX25: DB0SAO-1->N0PRA RR(P/F) NR=0\n"
    );
    assert_eq!(shown(Link::Ax25(None), "88 84"), "AX25: bad header\n");
    let ip = shown(Link::Ax25(None), &format!("{COMMAND} 03 cc {PING}"));
    assert!(
        ip.contains(" UI pid=IP\nIP: len 36 44.128.4.4->44.128.4.5"),
        "{ip}"
    );
}

#[test]
fn frames_of_connections_whose_set_up_was_heard() {
    for (modulo, control, line) in [
        (
            Modulo::OneTwentyEight,
            "04 06 c3 41",
            "I NR=3 NS=2 pid=TEXNET",
        ),
        (
            Modulo::OneTwentyEight,
            "04 06 f0 cc",
            "I NR=3 NS=2 pid=Text",
        ),
        (Modulo::Eight, "04 06 cc 41", "I NR=0 NS=2 pid=0x6"),
        (Modulo::Eight, "01 c9", "RR NR=0"),
        (Modulo::OneTwentyEight, "01", "0x01[invalid]"),
        (Modulo::OneTwentyEight, "3f", "SABM(P)"),
    ] {
        for link in [
            Link::Ax25(Some(modulo)),
            Link::Kiss(Check::None, Some(modulo)),
        ] {
            let text = shown(link, &format!("{COMMAND} {control}"));
            let line = format!("AX25: N0PRA->DB0SAO-1 v DB0ID* {line}\n");
            assert!(text.ends_with(&line), "{text}");
        }
    }
}

#[test]
fn frames_of_kiss() {
    let sabm = "88 84 60 a6 82 9e e0 9c 60 a0 a4 82 40 61 3f";
    let line = "AX25: N0PRA->DB0SAO SABM(P)\n";
    for (check, words) in [
        (Check::None, "Data"),
        (Check::Smack, "crc-16 Data"),
        (Check::Rmnc, "crc-rmnc Data"),
    ] {
        let text = format!("KISS: {words}\n{line}");
        assert_eq!(shown(Link::Kiss(check, None), sabm), text);
    }
    for (octets, text) in [
        ("01 28", "TX Delay: 400 ms"),
        ("02 3f", "Persistence: 64/256"),
        ("13 0a", "port 1 Slot Time: 100 ms"),
        ("05 00", "Full Duplex: off"),
        ("0c 03", "Command 12: 3"),
        ("ff 00", "Return"),
    ] {
        assert_eq!(shown(Link::Command, octets), format!("KISS: {text}\n"));
    }
}

#[test]
fn packets_of_netrom_and_flexnet() {
    let netrom = |rest: &str| {
        let calls = "88 84 60 a6 82 9e 60 88 96 60 90 aa 40 64 10";
        let text = shown(Link::Ax25(None), &format!("{COMMAND} 00 cf {calls} {rest}"));
        let lines = text.split_once("pid=NET/ROM\n").unwrap().1;
        let rest = lines.strip_prefix("NET/ROM: DB0SAO->DK0HU-2 ttl 16\n         ");
        rest.unwrap().to_owned()
    };
    for (octets, line) in [
        (
            "00 01 00 00 01 08 9c 60 a0 a4 82 40 60 88 84 60 a6 82 9e 60",
            "conn rqst: ckt 0/1 wnd 8 N0PRA@DB0SAO\n",
        ),
        (
            "00 01 00 07 02 04",
            "conn ack: ur ckt 0/1 my ckt 0/7 wnd 4\n",
        ),
        ("00 01 00 00 82 00", "conn nak: ckt 0/1\n"),
        ("00 07 00 00 03", "disc: ckt 0/7\n"),
        ("00 01 00 00 04", "disc ack: ckt 0/1\n"),
        ("00 07 02 03 05 41", "info: ckt 0/7 txseq 2 rxseq 3\n"),
        ("00 01 00 01 c6", "info ack: ckt 0/1 rxseq 1 CHOKE NAK\n"),
        ("00 01 00 01 09", "bad header\n"),
    ] {
        assert_eq!(netrom(octets), line);
    }
    assert!(netrom(&format!("0c 0c 00 00 00 {PING}")).starts_with("protocol IP\nIP: len 36"));
    let nodes =
        "ff 47 41 45 52 54 20 88 96 60 90 aa 40 64 48 55 58 49 20 20 88 84 60 92 88 40 60 90";
    assert!(
        shown(Link::Ax25(None), &format!("{COMMAND} 03 cf {nodes}")).ends_with(
            " UI pid=NET/ROM\nNET/ROM Routing: GAERT\n         DK0HU-2    HUXI    DB0ID      144\n"
        )
    );
    for (packet, line) in [
        ("09  !\r", "Link setup - Max SSID: 9"),
        ("112\r", "Poll response - Delay: 12"),
        ("2   \r", "Poll"),
        (
            "3DB0SAO0924 DK0HU 2:0 \r",
            "Routing: DB0SAO-0-9 (24) DK0HU-2-10 (-)",
        ),
        ("3+\r", "Routing: Request token"),
        ("6     0A B\r", "Route query - hopcnt: 0 qso: 0 A B"),
        (
            "7\"   17A b C\r",
            "Query response - hopcnt: 2 qso: 17 A b C",
        ),
        ("4x\r", "Type 0x34"),
        ("0", "bad packet"),
    ] {
        let mut text = String::new();
        flexnet(&mut text, packet.as_bytes());
        assert_eq!(text, format!("FLEXNET: len {} {line}\n", packet.len()));
    }
}

proptest! {
    #[test]
    fn any_frames(octets in prop::collection::vec(any::<u8>(), 0..200), kind in 0usize..6) {
        let head = hex(["03 cf", "03 cf ff", "00 ce", "00 08", "87", "bf 82 80 00"][kind]);
        fuzz_packet_text(&[hex(COMMAND), head.clone(), octets.clone()].concat());
        fuzz_packet_text(&[vec![0], hex(COMMAND), head, octets].concat());
    }

    #[test]
    fn any_octets(mut octets in prop::collection::vec(any::<u8>(), 0..300), protocol in 0usize..6) {
        fuzz_packet_text(&octets);
        if octets.len() >= 20 {
            octets[0] = 0x45;
            octets[9] = [1, 4, 6, 17, 94, 200][protocol];
            octets[6..8].fill(0);
            fuzz_packet_text(&octets);
            if octets.len() > 24 {
                octets[22..24].copy_from_slice(&520u16.to_be_bytes());
                fuzz_packet_text(&octets);
            }
        }
    }
}
