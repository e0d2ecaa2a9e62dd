use super::*;

/// SABM with P from N0PRA to DB0SAO-1 via DB0ID.
const SABM: [u8; 22] = [
    0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0xe2, 0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60, 0x88, 0x84,
    0x60, 0x92, 0x88, 0x40, 0x61, 0x3f,
];

fn call(word: &str) -> Call {
    Call::parse(word).unwrap()
}

#[test]
fn a_header_before_and_after_digipeating() {
    let (mut header, rest) = Header::parse(&SABM).unwrap();
    assert_eq!(rest, [0x3f]);
    assert_eq!(header.class, Class::Command);
    assert_eq!(header.to_string(), "N0PRA->DB0SAO-1 via DB0ID");
    assert_eq!(header.passed(), 0);
    assert_eq!(header.immediate_source(), call("N0PRA"));
    assert_eq!(header.immediate_destination(), call("DB0ID"));
    let mut made = Vec::new();
    header.append(&mut made);
    assert_eq!(made, SABM[..21]);

    header.digis[0].repeated = true;
    assert_eq!(header.to_string(), "N0PRA->DB0SAO-1 via DB0ID*");
    assert_eq!(header.immediate_source(), call("DB0ID"));
    assert_eq!(header.immediate_destination(), call("DB0SAO-1"));
    made.clear();
    header.append(&mut made);
    assert_eq!(made[20], 0xe1);
    assert_eq!(Header::parse(&made).unwrap().0, header);
}

#[test]
fn an_answer_is_a_response() {
    let mut header = Header::new(call("N0PRA"), call("DB0SAO-1"), Class::Response);
    assert!(header.digis.push(Digi::new(call("DB0ID"))));
    let mut made = Vec::new();
    header.append(&mut made);
    assert_eq!(
        made,
        [
            0x9c, 0x60, 0xa0, 0xa4, 0x82, 0x40, 0x60, 0x88, 0x84, 0x60, 0xa6, 0x82, 0x9e, 0xe2,
            0x88, 0x84, 0x60, 0x92, 0x88, 0x40, 0x61
        ]
    );
    assert_eq!(Header::parse(&made).unwrap().0, header);
}

#[test]
fn version_1_says_neither_command_nor_response() {
    for (bits, made) in [(0x00, 0x60), (0x80, 0x60)] {
        let mut frame = SABM;
        frame[6] = frame[6] & 0x7f | bits;
        frame[13] = frame[13] & 0x7f | bits;
        let (header, _) = Header::parse(&frame).unwrap();
        assert_eq!(header.class, Class::Unknown);
        let mut again = Vec::new();
        header.append(&mut again);
        assert_eq!((again[6], again[13]), (made | 2, made));
    }
}

#[test]
fn headers_that_are_none() {
    for length in 0..21 {
        assert!(Header::parse(&SABM[..length]).is_err(), "{length}");
    }
    let mut frame = SABM;
    frame[6] |= 1;
    assert!(Header::parse(&frame).is_err());
    let mut frame = SABM;
    frame[0] |= 1;
    assert!(Header::parse(&frame).is_err());
    // Eight digipeaters, and nine.
    let mut header = Header::parse(&SABM).unwrap().0;
    while header.digis.push(Digi::new(call("DB0ID"))) {}
    assert_eq!(header.digis.len(), Digis::MOST);
    let mut frame = Vec::new();
    header.append(&mut frame);
    assert_eq!(Header::parse(&frame), Ok((header, &[][..])));
    *frame.last_mut().unwrap() &= !1;
    frame.extend_from_within(frame.len() - 7..);
    *frame.last_mut().unwrap() |= 1;
    assert!(Header::parse(&frame).is_err());
}

#[test]
fn a_frame_gets_on_even_when_digipeaters_do_not_say_so() {
    let mut header = Header::new(call("A"), call("B"), Class::Command);
    header.digis = Digis::new(&[call("C"), call("D"), call("E")]).unwrap();
    header.digis[1].repeated = true;
    assert_eq!(header.passed(), 2);
    assert_eq!(header.immediate_source(), call("D"));
    assert_eq!(header.immediate_destination(), call("E"));
    assert_eq!(header.to_string(), "B->A via C,D*,E");
    assert_eq!(Digis::new(&[call("C"); 9]), None);
}

#[test]
fn headers_without_stations() {
    let header = Header::new(Call::NONE, call("B"), Class::Command);
    assert_eq!(header.to_string(), "*");
    let header = Header::new(call("B"), Call::NONE, Class::Command);
    assert_eq!(header.to_string(), "B");
}
