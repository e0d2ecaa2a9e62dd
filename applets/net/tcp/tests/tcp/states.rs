//! Every state of RFC 9293, and what arriving segments do in it (sections 3.5, 3.6, 3.10.7).

use std::time::Duration;

use wanbox_net_tcp::{Options, Parameters};

use crate::script::run;

fn plain() -> Parameters {
    Parameters::default()
}

fn with(options: Options) -> Parameters {
    Parameters { options, ..plain() }
}

/// A client that has come to ESTABLISHED.
const CONNECTED: &str = "
    connect
    > S 0:0 win 2048 <mss 512,sackOK>
    < S. 0:0 ack 1 win 4000 <mss 400,sackOK>
    > . 1:1 ack 1 win 2048 <>
    state Estab
    event Connected
";

fn connected(script: &str) {
    run(plain(), &format!("{CONNECTED}{script}"));
}

/// A server that has come to SYN-RECEIVED.
const ASKED: &str = "
    listen
    < S 0:0 win 1000 <mss 400>
    > S. 0:0 ack 1 win 2048 <mss 512>
    state SYN recv
";

fn asked(script: &str) {
    run(plain(), &format!("{ASKED}{script}"));
}

#[test]
fn figure_6_the_handshake() {
    connected("count active_opens 1\ncount curr_estab 1");
    asked(
        "
        < . 1:1 ack 1
        state Estab
        event Incoming
        accept
        nothing
        count passive_opens 1
        ",
    );
}

#[test]
fn figure_7_simultaneous_open() {
    run(
        plain(),
        "
        connect
        > S 0:0
        < S 0:0 win 500 <mss 400>
        state SYN recv
        > S. 0:0 ack 1 <mss 512>
        < S. 0:0 ack 1 win 500 <mss 400>
        state Estab
        event Connected
        nothing
        send 500
        > . 1:401 ack 1
        > P. 401:501 ack 1
        ",
    );
}

#[test]
fn figure_8_an_old_duplicate_syn() {
    // The SYN+ACK acknowledges nothing of ours: a reset, and the real one is still taken.
    run(
        plain(),
        "
        connect
        > S 0:0
        < S. 0:0 ack 777
        > R 777:777
        state SYN sent
        < S. 0:0 ack 1
        > . 1:1 ack 1
        state Estab
        ",
    );
}

#[test]
fn figure_9_and_10_half_open_connections() {
    // The other side has forgotten everything and asks anew: a challenge makes it reset us.
    connected(
        "
        send 10
        > P. 1:11 ack 1
        < S 5000:5000
        > . 11:11 ack 1
        < R 1:1
        state Closed
        event Closed Reset/Refused
        release
        gone
        ",
    );
}

#[test]
fn figure_12_normal_close() {
    connected(
        "
        close
        state FINwait1
        > F. 1:1 ack 1
        < . 1:1 ack 2
        state FINwait2
        < P. 1:11 ack 2
        +0.1
        > . 2:2 ack 11
        read 10
        < F. 11:11 ack 2
        > . 2:2 ack 12
        state Timewait
        event Finished
        +29
        state Timewait
        < F. 11:11 ack 2     # ours was lost: TIME-WAIT begins again
        > . 2:2 ack 12
        +29
        state Timewait
        +2
        state Closed
        event Closed Normal
        release
        gone
        ",
    );
}

#[test]
fn figure_12_from_the_other_side() {
    connected(
        "
        < F. 1:1 ack 1
        > . 1:1 ack 2
        state Closewait
        event Finished
        send 10
        > P. 1:11 ack 2
        close
        state Last ACK
        > F. 11:11 ack 2
        < . 2:2 ack 11
        state Last ACK
        < . 2:2 ack 12
        event Closed Normal
        ",
    );
}

#[test]
fn figure_13_simultaneous_close() {
    connected(
        "
        close
        > F. 1:1 ack 1
        < F. 1:1 ack 1
        state Closing
        > . 2:2 ack 2
        < . 2:2 ack 2
        state Timewait
        +31
        event Closed Normal
        ",
    );
    // With both in one segment.
    connected(
        "
        close
        > F. 1:1 ack 1
        < F. 1:1 ack 2
        > . 2:2 ack 2
        state Timewait
        ",
    );
}

#[test]
fn closed_answers_with_resets() {
    run(
        plain(),
        "
        < S 5:5
        > R. 0:0 ack 6
        < S 5:15
        > R. 0:0 ack 16
        < F. 5:15 ack 77
        > R 77:77
        < R 5:5
        < R. 5:5 ack 1
        nothing
        count no_connection 5
        count out_rsts 3
        ",
    );
}

#[test]
fn listen() {
    run(
        plain(),
        "
        listen
        < R 0:0
        nothing
        < . 0:0 ack 9
        > R 9:9
        < S. 0:0 ack 9
        > R 9:9
        < FS 0:0
        < P 0:5
        < F 0:0
        nothing
        count bad_flags 3
        gone
        ",
    );
    // Text with the SYN is kept until the handshake is done, and acknowledged.
    run(
        plain(),
        "
        listen
        < S 0:0 win 1000
        > S. 0:0 ack 1
        < . 1:1 ack 1
        accept
        ",
    );
}

#[test]
fn syn_sent() {
    run(
        plain(),
        "
        connect
        > S 0:0
        < . 0:0 ack 9
        > R 9:9
        < R. 0:0 ack 9        # not about our SYN
        < R 0:0               # could be anybody's
        < F 0:0
        < P 0:10
        nothing
        state SYN sent
        < R. 0:0 ack 1
        event Closed Reset/Refused
        count attempt_fails 1
        ",
    );
    run(
        plain(),
        "connect\n> S 0:0\nclose\nstate Closed\nevent Closed Normal",
    );
    // The SYN goes again after the time that was set, then after twice that.
    run(
        plain(),
        "
        connect
        > S 0:0
        +4.9
        nothing
        +0.2
        > S 0:0
        +9.8
        nothing
        +0.2
        > S 0:0
        < S. 0:0 ack 1
        > . 1:1 ack 1
        ",
    );
}

#[test]
fn text_with_a_syn() {
    let parameters = with(Options {
        syn_data: true,
        ..Options::default()
    });
    run(
        parameters,
        "
        open 10
        > S 0:10
        < S. 0:0 ack 11
        > . 11:11 ack 1
        ",
    );
    // Who does not take it gets it again; with a second SYN there is none.
    run(
        parameters,
        "
        open 10
        > S 0:10
        < S. 0:0 ack 1
        > P. 1:11 ack 1
        < . 1:1 ack 11
        ",
    );
    run(
        parameters,
        "
        open 10
        > S 0:10
        +5
        > S 0:0
        < S. 0:0 ack 1
        > P. 1:11 ack 1
        ",
    );
    // Without the setting text waits.
    run(plain(), "open 10\n> S 0:0\n< S. 0:0 ack 1\n> P. 1:11 ack 1");
}

#[test]
fn syn_received() {
    asked(
        "
        < S 0:0 win 1000 <mss 400>     # ours was lost
        > S. 0:0 ack 1
        < . 1:1 ack 9
        > R 9:9
        < . 1:1 ack 0
        > R 0:0
        < R 5:5                        # in the window, not at its start
        nothing
        < R 9999:9999                  # outside
        nothing
        state SYN recv
        +4.9
        nothing
        +0.2
        > S. 0:0 ack 1
        < R 1:1
        gone                           # the server listens on
        < S 0:0
        > S. 0:0 ack 1
        < F. 1:1 ack 1
        > . 1:1 ack 2
        state Closewait
        accept
        ",
    );
    // Text in the segment that completes the handshake.
    asked(
        "
        < P. 1:11 ack 1
        accept
        event Incoming
        read 10
        +0.1
        > . 1:1 ack 11
        ",
    );
}

#[test]
fn sequence_numbers_outside_of_the_window() {
    connected(
        "
        < . 2049:2059 ack 1
        > . 1:1 ack 1
        +1
        < . 0:0 ack 1                  # a keep-alive
        > . 1:1 ack 1
        < . 0:0 ack 1                  # too soon after
        nothing
        count challenges_suppressed 1
        < . 0:1 ack 1                  # an octet that came before
        > . 1:1 ack 1
        count out_of_window 4
        < P. 0:11 ack 1                # part of it is new
        +0.1
        > . 1:1 ack 11
        read 10
        ",
    );
    // What lies behind the window is cut off, FIN included.
    connected(
        "
        < F. 1:3001 ack 1
        > . 1:1 ack 2049 win 0
        state Estab
        read 2048
        > . 1:1 ack 2049 win 2048
        < F. 2049:3001 ack 1
        > . 1:1 ack 3002
        state Closewait
        read 952
        ",
    );
}

#[test]
fn resets_in_the_window() {
    connected(
        "
        < R 1:1
        event Closed Reset/Refused
        count estab_resets 1
        ",
    );
    connected(
        "
        < R 100:100
        > . 1:1 ack 1
        < R 3000:3000
        < R 0:0
        nothing
        state Estab
        count inexact_rst 1
        count challenge_acks 1
        ",
    );
}

#[test]
fn syn_in_the_window() {
    connected(
        "
        < S 1:1
        > . 1:1 ack 1
        state Estab
        < S 100:100
        nothing                        # a challenge was just sent
        +0.5
        < S. 100:100 ack 1
        > . 1:1 ack 1
        count unexpected_syn 3
        state Estab
        ",
    );
}

#[test]
fn acknowledgements_that_cannot_be() {
    connected(
        "
        < . 1:1 ack 2                  # never sent
        > . 1:1 ack 1
        +1
        < P. 1:11 ack 4294960000       # long ago
        > . 1:1 ack 1
        count bad_ack 2
        < P 1:11                       # none at all
        nothing
        count bad_flags 1
        ",
    );
}

#[test]
fn urgent_text_is_read_in_its_place() {
    connected(
        "
        < PU. 1:11 ack 1
        read 10
        +0.1
        > . 1:1 ack 11
        count urgent 1
        ",
    );
}

#[test]
fn user_calls() {
    // Nothing goes behind a FIN, and it goes with the last text.
    connected(
        "
        send 100
        > P. 1:101 ack 1
        send 50
        nothing
        close
        > FP. 101:151 ack 1
        < . 1:1 ack 152
        state FINwait2
        ",
    );
    connected("abort\n> R. 1:1 ack 1\nevent Closed Aborted\nrelease\ngone");
    // Somebody lets go although there is something to read.
    connected("< P. 1:11 ack 1\nrelease\n> R. 1:1 ack 11\ngone");
    // Text for a connection that nobody holds.
    connected(
        "
        release
        > F. 1:1 ack 1
        < . 1:1 ack 2
        < P. 1:11 ack 2
        > R. 2:2 ack 1
        gone
        count data_after_close 1
        ",
    );
    // The other side never closes.
    connected("release\n> F. 1:1 ack 1\n< . 1:1 ack 2\n+179\nnothing\n+2\ngone");
    connected("release\n> F. 1:1 ack 1\n< F. 1:1 ack 2\n> . 2:2 ack 2\n+31\ngone");
}

#[test]
fn a_new_connection_ends_time_wait() {
    let script = "
        listen
        < S 0:0
        > S. 0:0 ack 1
        < . 1:1 ack 1
        accept
        close
        > F. 1:1 ack 1
        < F. 1:1 ack 2
        > . 2:2 ack 2
        state Timewait
        < S 1:1                        # not behind what was received
        > . 2:2 ack 2
        release
        < S 5000:5000
        > S. 0:0 ack 5001
        < . 5001:5001 ack 1
        accept
        state Estab
    ";
    run(plain(), script);
}

#[test]
fn silence() {
    let parameters = with(Options {
        keepalive: Some(Duration::from_secs(10)),
        ..Options::default()
    });
    let questions = "+75\n> . 0:0 ack 1\n".repeat(8);
    run(
        parameters,
        &format!(
            "{CONNECTED}
            +9.9
            nothing
            +0.2
            > . 0:0 ack 1
            < . 1:1 ack 1
            +9.9
            nothing
            +0.2
            > . 0:0 ack 1
            {questions}
            +75
            > R. 1:1 ack 1
            event Closed Timeout
            "
        ),
    );
}

#[test]
fn window_scale() {
    let parameters = with(Options {
        window: 200_000,
        window_scale: true,
        ..Options::default()
    });
    run(
        parameters,
        "
        connect
        > S 0:0 win 65535 <mss 512,sackOK,wscale 2>
        < S. 0:0 ack 1 win 1000 <mss 1000,wscale 3>
        > . 1:1 ack 1 win 50000
        send 1500
        > . 1:1001 ack 1               # what a SYN says is not shifted
        < . 1:1 ack 1001 win 1000
        > P. 1001:1501 ack 1
        ",
    );
    // Who does not offer it does not get it.
    run(
        parameters,
        "
        listen
        < S 0:0 win 1000 <mss 1000>
        > S. 0:0 ack 1 win 65535 <mss 512>
        ",
    );
    run(
        plain(),
        "
        listen
        < S 0:0 win 1000 <mss 1000,wscale 3>
        > S. 0:0 ack 1 win 2048 <mss 512>
        ",
    );
}

#[test]
fn timestamps() {
    let parameters = with(Options {
        timestamps: true,
        sack: false,
        ..Options::default()
    });
    run(
        parameters,
        "
        connect
        > S 0:0 <mss 512,TS 0 0>
        < S. 0:0 ack 1 <mss 400,TS 700 0>
        > . 1:1 ack 1 <TS 0 700>
        < P. 1:11 ack 1 <TS 699 0>
        > . 1:1 ack 1 <TS 0 700>
        count old_timestamp 1
        < P. 1:11 ack 1                # without
        nothing
        < P. 1:11 ack 1 <TS 701 0>
        +0.1
        > . 1:1 ack 11 <TS 0 701>
        send 500
        > . 1:389 ack 11 <TS 0 701>    # options take their place from the text
        > P. 389:501 ack 11 <TS 0 701>
        ",
    );
    run(
        parameters,
        "
        listen
        < S 0:0 <mss 400>
        > S. 0:0 ack 1 <mss 512>
        ",
    );
}

#[test]
fn explicit_congestion_notification() {
    let parameters = with(Options {
        ecn: true,
        ..Options::default()
    });
    run(
        parameters,
        "
        connect
        > SEW 0:0
        < S.E 0:0 ack 1 <mss 400>
        > . 1:1 ack 1
        < P. 1:11 ack 1 ce
        read 10
        +0.1
        > .E 1:1 ack 11
        < P.W 11:21 ack 1
        read 10
        +0.1
        > . 1:1 ack 21
        send 10
        > P. 1:11 ack 21
        < .E 21:21 ack 11
        send 10
        > P.W 11:21 ack 21
        ",
    );
    run(
        parameters,
        "
        listen
        < SEW 0:0 <mss 400>
        > S.E 0:0 ack 1
        < . 1:1 ack 1
        accept
        ",
    );
    run(
        parameters,
        "connect\n> SEW 0:0\n< S. 0:0 ack 1\n> . 1:1 ack 1\n< P. 1:11 ack 1 ce\n+0.1\n> . 1:1 ack 11",
    );
}
