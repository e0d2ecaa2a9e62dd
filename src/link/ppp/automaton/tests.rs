//! The automaton against the table as RFC 1661 section 4.1 prints it.

use super::*;
use wanbox_sim::Clock;

/// The RFC's table: a line an event, a cell a state, `actions/state`, without the marks for
/// options and crossed connections.
const TABLE: [(Event, [&str; 10]); 16] = {
    use Event::*;
    [
        (
            Up,
            ["2", "irc,scr/6", "-", "-", "-", "-", "-", "-", "-", "-"],
        ),
        (
            Down,
            ["-", "-", "0", "tls/1", "0", "1", "1", "1", "1", "tld/1"],
        ),
        (
            Open,
            ["tls/1", "1", "irc,scr/6", "3", "5", "5", "6", "7", "8", "9"],
        ),
        (
            Close,
            [
                "0",
                "tlf/0",
                "2",
                "2",
                "4",
                "4",
                "irc,str/4",
                "irc,str/4",
                "irc,str/4",
                "tld,irc,str/4",
            ],
        ),
        (
            TimeoutPlus,
            [
                "-", "-", "-", "-", "str/4", "str/5", "scr/6", "scr/6", "scr/8", "-",
            ],
        ),
        (
            TimeoutMinus,
            [
                "-", "-", "-", "-", "tlf/2", "tlf/3", "tlf/3", "tlf/3", "tlf/3", "-",
            ],
        ),
        (
            RcrPlus,
            [
                "-",
                "-",
                "sta/2",
                "irc,scr,sca/8",
                "4",
                "5",
                "sca/8",
                "sca,tlu/9",
                "sca/8",
                "tld,scr,sca/8",
            ],
        ),
        (
            RcrMinus,
            [
                "-",
                "-",
                "sta/2",
                "irc,scr,scn/6",
                "4",
                "5",
                "scn/6",
                "scn/7",
                "scn/6",
                "tld,scr,scn/6",
            ],
        ),
        (
            Rca,
            [
                "-",
                "-",
                "sta/2",
                "sta/3",
                "4",
                "5",
                "irc/7",
                "scr/6",
                "irc,tlu/9",
                "tld,scr/6",
            ],
        ),
        (
            Rcn,
            [
                "-",
                "-",
                "sta/2",
                "sta/3",
                "4",
                "5",
                "irc,scr/6",
                "scr/6",
                "irc,scr/8",
                "tld,scr/6",
            ],
        ),
        (
            Rtr,
            [
                "-",
                "-",
                "sta/2",
                "sta/3",
                "sta/4",
                "sta/5",
                "sta/6",
                "sta/6",
                "sta/6",
                "tld,zrc,sta/5",
            ],
        ),
        (
            Rta,
            [
                "-",
                "-",
                "2",
                "3",
                "tlf/2",
                "tlf/3",
                "6",
                "6",
                "8",
                "tld,scr/6",
            ],
        ),
        (
            Ruc,
            [
                "-", "-", "scj/2", "scj/3", "scj/4", "scj/5", "scj/6", "scj/7", "scj/8", "scj/9",
            ],
        ),
        (RxjPlus, ["-", "-", "2", "3", "4", "5", "6", "6", "8", "9"]),
        (
            RxjMinus,
            [
                "-",
                "-",
                "tlf/2",
                "tlf/3",
                "tlf/2",
                "tlf/3",
                "tlf/3",
                "tlf/3",
                "tlf/3",
                "tld,irc,str/5",
            ],
        ),
        (Rxr, ["-", "-", "2", "3", "4", "5", "6", "7", "8", "ser/9"]),
    ]
};

fn action(name: &str) -> Actions {
    match name {
        "tlu" => Actions::TLU,
        "tld" => Actions::TLD,
        "tls" => Actions::TLS,
        "tlf" => Actions::TLF,
        "irc" => Actions::IRC,
        "zrc" => Actions::ZRC,
        "scr" => Actions::SCR,
        "sca" => Actions::SCA,
        "scn" => Actions::SCN,
        "str" => Actions::STR,
        "sta" => Actions::STA,
        "scj" => Actions::SCJ,
        "ser" => Actions::SER,
        other => panic!("{other}"),
    }
}

#[test]
fn the_table_is_the_rfcs() {
    assert_eq!(TABLE.map(|(event, _)| event), Event::ALL);
    for (event, cells) in TABLE {
        for (state, cell) in State::ALL.into_iter().zip(cells) {
            let (actions, next) = cell.rsplit_once('/').unwrap_or(("", cell));
            let next = match next {
                "-" => state,
                number => State::ALL[number.parse::<usize>().unwrap()],
            };
            let actions = actions
                .split(',')
                .filter(|name| !name.is_empty())
                .map(action)
                .fold(Actions::NONE, Actions::and);
            assert_eq!(
                transition(state, event),
                (next, actions),
                "{event:?} in {state:?}"
            );
        }
    }
}

#[test]
fn states_have_the_numbers_that_monitors_show() {
    for (number, state) in State::ALL.into_iter().enumerate() {
        assert_eq!(state as usize, number);
    }
    assert_eq!(State::Opened.to_string(), "Opened");
}

fn started(limits: &Limits) -> (Clock, Automaton) {
    let clock = Clock::new();
    let mut automaton = Automaton::default();
    assert_eq!(
        automaton.event(clock.now(), limits, Event::Open),
        Actions::TLS
    );
    assert_eq!(automaton.deadline(), None);
    let sent = automaton.event(clock.now(), limits, Event::Up);
    assert!(sent.contains(Actions::SCR));
    (clock, automaton)
}

/// Requests sent until the automaton gives up, at most `most`.
fn requests(limits: &Limits, clock: &mut Clock, automaton: &mut Automaton, most: u32) -> u32 {
    let mut sent = 0;
    while let Some(deadline) = automaton.deadline()
        && sent < most
    {
        assert_eq!(deadline, clock.now() + limits.restart);
        let early = automaton.handle_timeout(clock.now(), limits);
        assert_eq!(early, Actions::NONE);
        clock.advance_to(deadline);
        let actions = automaton.handle_timeout(clock.now(), limits);
        if actions.contains(Actions::TLF) {
            break;
        }
        assert!(actions.contains(Actions::SCR) || actions.contains(Actions::STR));
        sent += 1;
    }
    sent
}

#[test]
fn max_configure_counts_the_first_request_too() {
    let limits = Limits::default();
    let (mut clock, mut automaton) = started(&limits);
    let start = clock.now();
    assert_eq!(requests(&limits, &mut clock, &mut automaton, 100), 9);
    assert_eq!(automaton.state(), State::Stopped);
    assert_eq!(clock.now() - start, limits.restart * 10);
    assert_eq!(automaton.deadline(), None);
}

#[test]
fn requests_are_repeated_for_ever_when_asked_for() {
    let limits = Limits {
        never_give_up: true,
        ..Limits::default()
    };
    let (mut clock, mut automaton) = started(&limits);
    assert_eq!(requests(&limits, &mut clock, &mut automaton, 1000), 1000);
    assert_eq!(automaton.state(), State::ReqSent);
    // Terminating is bounded none the less.
    automaton.event(clock.now(), &limits, Event::Close);
    assert_eq!(requests(&limits, &mut clock, &mut automaton, 100), 1);
    assert_eq!(automaton.state(), State::Closed);
}

#[test]
fn a_terminated_layer_pauses_before_it_stops() {
    let limits = Limits::default();
    let (mut clock, mut automaton) = started(&limits);
    let now = clock.now();
    automaton.event(now, &limits, Event::Rca);
    assert!(automaton.deadline().is_some());
    let up = automaton.event(now, &limits, Event::RcrPlus);
    assert!(up.contains(Actions::TLU));
    assert_eq!(automaton.deadline(), None);
    clock.advance(Duration::from_secs(60));
    let down = automaton.event(clock.now(), &limits, Event::Rtr);
    assert_eq!(down, Actions::TLD.and(Actions::ZRC).and(Actions::STA));
    assert_eq!(requests(&limits, &mut clock, &mut automaton, 100), 0);
    assert_eq!(automaton.state(), State::Stopped);
}
