//! What is shown.

use std::time::Duration;

use super::*;
use crate::show;

#[test]
fn links_and_nodes() {
    let (mut node, now) = linked();
    node.set_link(now, (call("DB0AAA-15"), call("DB0SAO")), 255, true);
    let now = now + Duration::from_secs(61);
    let expected = "\
From       To         Level  Quality   Age
DB0AAA-15  DB0SAO         1      255
DB0ID      DB0SAO         1      192    61
DB0ID      DK0HU-2        2      192    61
DB0SAO     DB0AAA-15      1      255
DB0SAO     DB0ID          1      192    61
DK0HU-2    DB0ID          2      192    61
";
    assert_eq!(show::links(&mut node, now, None), expected);
    let expected = "\
From       To         Level  Quality   Age
DK0HU-2    DB0ID          2      192    61
";
    assert_eq!(show::links(&mut node, now, Some(call("DK0HU-2"))), expected);
    let expected = "\
Node       Ident   Neighbor   Level  Quality
DB0AAA-15          DB0AAA-15      1      255
DB0ID      STGT    DB0ID          1      192
DB0SAO     GAERT                  0      256
DK0HU-2    HUXI    DB0ID          2      144
";
    assert_eq!(show::nodes(&mut node, now, None), expected);
    node.heard(
        now,
        call("DB0ID"),
        &nodes("STGT", &[("DK0HU-2", "HUXI", "DK0HU-2", 0)]),
    );
    let expected = "\
Node       Ident   Neighbor   Level  Quality
DK0HU-2    HUXI                   2        0
";
    assert_eq!(show::nodes(&mut node, now, Some(call("DK0HU-2"))), expected);
}

#[test]
fn parameters() {
    assert_eq!(
        show::parameter(7, 1800),
        " 7 Auto-update broadcast interval (sec, 0=off)       1800\n"
    );
    assert_eq!(
        show::parameter(26, 0),
        "26 CQ UI frames       (0=off 1=on)                      0\n"
    );
}

#[test]
fn circuits() {
    let (mut node, now) = linked();
    node.set_serving(true);
    let id = node.connect(now, call("DK0HU-2"), call("DL1AAA")).unwrap();
    node.received(
        now,
        call("DB0ID"),
        &packet("DK0HU-2", "DB0SAO", 9, &[0, 1, 2, 3, 2, 4]),
    );
    node.send(now, id, &[7; 500]);
    node.received(
        now,
        call("DB0ID"),
        &packet("DK0HU-2", "DB0SAO", 9, b"\0\x01\x01\0\x85ahead"),
    );
    let calls = [call("N0PRA-5"), call("DK0HU-2")].map(|call| *call.octets());
    let request = [&[9, 8, 0, 0, 1, 200][..], &calls.concat()];
    node.received(
        now,
        call("DB0ID"),
        &packet("DK0HU-2", "DB0SAO", 9, &request.concat()),
    );
    let expected = "\
bdcsts rcvd 1 bdcsts sent 0
   &NRCB Rcv-Q Unack  Rt  Srtt  State          Remote socket
       1     0   1/1*  0   0.0  Connected      DL1AAA -> DK0HU-2
       2     0   0/1   0   0.0  Connected      N0PRA-5 @ DK0HU-2
                                Listening      *
";
    assert_eq!(show::status(&node), expected);
    let expected = "\
Address:      DL1AAA -> DK0HU-2
Remote id:    2/3
Local id:     0/1
State:        Connected
Window:       4
NAKsent:      Yes
CHOKEsent:    No
Closed:       No
Remote_busy:  180000 ms
CWind:        1
Retry:        0
Srtt:         0 ms
Mean dev:     15000 ms
Timer T1:     stop/60000 ms
Timer T3:     1800000/1800000 ms
Timer T4:     180000/180000 ms
Rcv queue:    0
Reassembly queue:
              Seq   1:   5 bytes
Snd queue:    264
Resend queue:
              Seq   0: 236 bytes
";
    assert_eq!(
        show::circuit(&node, node.circuit(id).unwrap(), now),
        expected
    );
    node.reset(now, id);
    let circuit = node.circuit(id).unwrap();
    assert!(show::circuit(&node, circuit, now).contains("Reason:       Reset\n"));
}
