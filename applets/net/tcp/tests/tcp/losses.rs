//! Acknowledging, windows, and losses: RFC 9293 section 3.8, RFC 5681, 5682, 6298, 6582, 6675.

use wanbox_net_tcp::{Options, Parameters};

use crate::script::run;

fn wide(sack: bool) -> Parameters {
    Parameters {
        options: Options {
            window: 60_000,
            mss: 100,
            sack,
            ..Options::default()
        },
        ..Parameters::default()
    }
}

/// ESTABLISHED, with segments of 100 octets.
fn connected(parameters: Parameters, script: &str) {
    let script = format!(
        "
        connect
        > S 0:0
        < S. 0:0 ack 1 win 60000 <mss 100,sackOK>
        > . 1:1 ack 1
        {script}"
    );
    run(parameters, &script);
}

#[test]
fn acknowledgements_wait_a_little() {
    connected(
        wide(true),
        "
        < P. 1:51 ack 1
        nothing
        +0.09
        nothing
        +0.02
        > . 1:1 ack 51
        < . 51:151 ack 1
        < . 151:251 ack 1              # every second long segment at once
        > . 1:1 ack 251
        < . 251:301 ack 1
        send 10                        # or with text
        > P. 1:11 ack 301
        +1
        > P. 1:11 ack 301
        < . 301:301 ack 11
        ",
    );
}

#[test]
fn out_of_order() {
    connected(
        wide(true),
        "
        < . 101:201 ack 1
        > . 1:1 ack 1 <sack 101:201>
        < . 301:401 ack 1
        > . 1:1 ack 1 <sack 301:401 101:201>
        < . 1:101 ack 1
        > . 1:1 ack 201 <sack 301:401>
        < F. 401:401 ack 1             # its FIN is remembered, too
        > . 1:1 ack 201
        < . 201:301 ack 1
        > . 1:1 ack 402 <>
        state Closewait
        read 400
        ",
    );
    connected(
        wide(false),
        "< . 101:201 ack 1\n> . 1:1 ack 1 <>\n< . 1:101 ack 1\n> . 1:1 ack 201",
    );
}

#[test]
fn small_segments_wait_for_others() {
    connected(
        wide(true),
        "
        send 10
        > P. 1:11 ack 1
        send 10
        send 10
        nothing
        < . 1:1 ack 11 win 60000
        > P. 11:31 ack 1
        send 150
        > . 31:131 ack 1               # long ones do not
        nothing
        < . 1:1 ack 31 win 60000       # no short one is under way now
        > P. 131:181 ack 1
        ",
    );
    let mut parameters = wide(true);
    parameters.options.nagle = false;
    connected(
        parameters,
        "send 10\n> P. 1:11 ack 1\nsend 10\n> P. 11:21 ack 1",
    );
}

#[test]
fn silly_windows_are_not_used() {
    connected(
        wide(true),
        "
        < . 1:1 ack 1 win 60
        send 300
        nothing                        # a short segment would be silly
        < . 1:1 ack 1 win 60           # and the same again changes nothing
        nothing
        +0.5
        > . 1:61 ack 1                 # but not for ever
        < . 1:1 ack 61 win 250
        > . 61:161 ack 1
        > . 161:261 ack 1
        > P. 261:301 ack 1
        ",
    );
}

#[test]
fn closed_windows_are_asked_about() {
    connected(
        wide(true),
        "
        < . 1:1 ack 1 win 0
        send 50
        nothing
        +0.4
        nothing
        +0.2
        > . 1:2 ack 1
        < . 1:1 ack 1 win 0
        +0.8
        nothing
        +0.2
        > . 1:2 ack 1
        < . 1:1 ack 2 win 0            # this time it was taken
        +2.5
        > . 2:3 ack 1
        < . 1:1 ack 2 win 500
        > P. 2:51 ack 1
        < . 1:1 ack 51 win 500
        ",
    );
    // For ever: after ten minutes without an answer it still asks.
    let questions = "+121\n> . 1:2 ack 1\n".repeat(20);
    connected(
        wide(true),
        &format!(
            "
            < . 1:1 ack 1 win 0
            send 50
            +64
            > . 1:2 ack 1
            > . 1:2 ack 1
            > . 1:2 ack 1
            > . 1:2 ack 1
            > . 1:2 ack 1
            > . 1:2 ack 1
            > . 1:2 ack 1
            {questions}
            state Estab
            < . 1:1 ack 1 win 100
            > P. 1:51 ack 1
            "
        ),
    );
    // A FIN waits like text.
    connected(
        wide(true),
        "
        < . 1:1 ack 1 win 0
        close
        nothing
        +0.6
        > F. 1:1 ack 1
        < . 1:1 ack 1 win 0
        +1
        > F. 1:1 ack 1
        < . 1:1 ack 2 win 0
        state FINwait2
        ",
    );
}

#[test]
fn timeouts_back_off() {
    connected(
        wide(true),
        "
        send 50
        > P. 1:51 ack 1
        +0.4
        nothing
        +0.2
        > P. 1:51 ack 1
        +0.8
        nothing
        +0.2
        > P. 1:51 ack 1
        +2
        > P. 1:51 ack 1
        < . 1:1 ack 51 win 60000
        send 50                        # Karn: nothing was measured, so it stays backed off
        > P. 51:101 ack 1
        +3.9
        nothing
        +0.2
        > P. 51:101 ack 1
        ",
    );
}

#[test]
fn there_is_an_end_to_it() {
    let mut script = String::from("send 50\n> P. 1:51 ack 1\n");
    for at in 0..10 {
        let wait = (0.5 * f64::from(1 << at)).min(120.0);
        script.push_str(&format!("+{wait}\n> P. 1:51 ack 1\n"));
    }
    script.push_str("+120\n> R. 51:51 ack 1\nevent Closed Timeout\ncount timeouts 1");
    connected(wide(true), &script);
    run(
        wide(true),
        "
        connect
        > S 0:0
        +5
        > S 0:0
        +10
        > S 0:0
        kick
        > S 0:0
        +5
        > S 0:0
        abort
        nothing
        event Closed Aborted
        ",
    );
}

#[test]
fn kick_and_time_wait() {
    connected(
        wide(true),
        "
        send 50
        > P. 1:51 ack 1
        kick
        > P. 1:51 ack 1
        < . 1:1 ack 51
        kick
        nothing
        close
        > F. 51:51 ack 1
        < F. 1:1 ack 52
        > . 52:52 ack 2
        state Timewait
        kick
        state Closed
        ",
    );
}

#[test]
fn three_duplicates_without_sack() {
    connected(
        wide(false),
        "
        send 800
        > . 1:101
        > . 101:201
        > . 201:301
        > . 301:401
        > . 401:501
        > . 501:601
        > . 601:701
        > P. 701:801
        < . 1:1 ack 1 win 60000
        < . 1:1 ack 1 win 60000
        nothing
        < . 1:1 ack 1 win 60000
        > . 1:101
        count fast_recoveries 1
        < . 1:1 ack 1 win 60000
        nothing
        send 300                       # half of eight, three, and one more: all of these are used
        nothing
        < . 1:1 ack 1 win 60000
        > . 801:901
        < . 1:1 ack 301 win 60000      # another hole
        > . 301:401
        < . 1:1 ack 801 win 60000
        > . 901:1001
        > P. 1001:1101
        ",
    );
}

#[test]
fn holes_are_filled_with_sack() {
    connected(
        wide(true),
        "
        send 800
        > . 1:101
        > . 101:201
        > . 201:301
        > . 301:401
        > . 401:501
        > . 501:601
        > . 601:701
        > P. 701:801
        # The first and the fourth are lost.
        < . 1:1 ack 1 win 60000 <sack 101:201>
        < . 1:1 ack 1 win 60000 <sack 101:301>
        nothing
        < . 1:1 ack 1 win 60000 <sack 401:501 101:301>
        > . 1:101
        < . 1:1 ack 1 win 60000 <sack 101:301 401:601>
        < . 1:1 ack 1 win 60000 <sack 101:301 401:701>
        > . 301:401
        < . 1:1 ack 1 win 60000 <sack 101:301 401:801>
        < . 1:1 ack 301 win 60000 <sack 401:801>
        < . 1:1 ack 801 win 60000
        count retrans_segs 2
        ",
    );
}

#[test]
fn a_timeout_that_was_too_early() {
    // Everything was only late: RFC 5682 finds it out by what is acknowledged behind the first
    // segment, and nothing goes twice but that.
    connected(
        wide(true),
        "
        send 300
        > . 1:101
        > . 101:201
        > P. 201:301
        +0.5
        > . 1:101
        send 300
        nothing
        < . 1:1 ack 101 win 60000
        > . 301:401
        > . 401:501
        < . 1:1 ack 201 win 60000
        > P. 501:601
        count spurious_timeouts 1
        < . 1:1 ack 301 win 60000
        < . 1:1 ack 601 win 60000
        count retrans_segs 1
        ",
    );
    // And the other way round: it was not.
    connected(
        wide(false),
        "
        send 300
        > . 1:101
        > . 101:201
        > P. 201:301
        +0.5
        > . 1:101
        send 300
        < . 1:1 ack 101 win 60000
        > . 301:401
        > . 401:501
        < . 1:1 ack 101 win 60000
        > . 101:201
        > . 201:301
        > . 301:401
        < . 1:1 ack 501 win 60000
        > P. 501:601
        ",
    );
}

#[test]
fn receivers_that_take_back_what_they_said() {
    connected(
        wide(true),
        "
        send 300
        > . 1:101
        > . 101:201
        > P. 201:301
        < . 1:1 ack 1 win 60000 <sack 101:301>
        +0.5
        > . 1:101
        < . 1:1 ack 101 win 60000      # what is behind must have been thrown away
        +1
        > . 101:201
        < . 1:1 ack 201 win 60000
        > P. 201:301
        ",
    );
}

#[test]
fn blocks_that_lie() {
    connected(
        wide(true),
        "
        send 300
        > . 1:101
        > . 101:201
        > P. 201:301
        < . 1:1 ack 1 win 60000 <sack 0:1>
        < . 1:1 ack 101 win 60000 <sack 201:9999>
        < . 1:1 ack 101 win 60000 <sack 300:200>
        < . 1:1 ack 101 win 60000 <sack 1:101>
        < . 1:1 ack 301 win 60000
        nothing
        ",
    );
}

#[test]
fn paths_that_swallow_long_segments() {
    run(
        wide(true),
        "
        connect
        > S 0:0
        < S. 0:0 ack 1 win 60000 <mss 1460>
        > . 1:1 ack 1
        send 1460
        > P. 1:1461
        +0.5
        > P. 1:1461
        +1
        > P. 1:1461
        +2
        > . 1:537
        count black_holes 1
        < . 1:1 ack 537 win 60000
        > . 537:1073
        > P. 1073:1461
        < . 1:1 ack 1461 win 60000
        ",
    );
}

#[test]
fn half_open_connections_end_silently() {
    run(
        wide(true),
        "
        listen
        < S 0:0
        > S. 0:0 ack 1
        +5
        > S. 0:0 ack 1
        +10
        > S. 0:0 ack 1
        +20
        > S. 0:0 ack 1
        +40
        > S. 0:0 ack 1
        +80
        > S. 0:0 ack 1
        +120
        nothing
        gone
        count attempt_fails 1
        ",
    );
}
