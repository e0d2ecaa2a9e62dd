//! The channel with stations that only talk.

use super::*;

/// Sends its frames as soon as it may, and notes what it hears and when.
#[derive(Default)]
struct Talker {
    to_send: Vec<Vec<u8>>,
    heard: Vec<(Instant, Vec<u8>)>,
}

impl Endpoint for Talker {
    fn receive(&mut self, now: Instant, frame: &[u8]) {
        self.heard.push((now, frame.to_vec()));
    }
    fn handle_timeout(&mut self, _: Instant) {}
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    fn poll_transmit(&mut self, _: Instant, frame: &mut Vec<u8>) -> bool {
        let Some(next) = self.to_send.pop() else {
            return false;
        };
        *frame = next;
        true
    }
}

const AT_ONCE: Channel = Channel {
    persistence: 1.0,
    ..Channel::FM_1200
};

fn talkers(channel: Channel, count: usize) -> Radio<Talker> {
    let mut radio = Radio::new(1, channel);
    for _ in 0..count {
        radio.add(|_| Talker::default());
    }
    radio
}

#[test]
fn frames_take_their_time_and_all_hear_them() {
    let mut radio = talkers(AT_ONCE, 3);
    let start = radio.now();
    // 27 octets, flag and FCS are 240 bits: 200 ms.
    radio.stations[0].to_send = vec![vec![1; 27], vec![2; 27]];
    radio.run_for(Duration::from_secs(5));
    let expected = [
        (start + Duration::from_millis(500), vec![2; 27]),
        (start + Duration::from_millis(700), vec![1; 27]),
    ];
    assert_eq!(radio.stations[1].heard, expected);
    assert_eq!(radio.stations[2].heard, expected);
    assert!(radio.stations[0].heard.is_empty());
    let counters = radio.counters();
    assert_eq!((counters.transmissions, counters.frames), (1, 2));
    assert_eq!(counters.on_air, Duration::from_millis(720));
}

#[test]
fn whoever_hears_the_other_waits() {
    let mut radio = talkers(AT_ONCE, 3);
    radio.stations[0].to_send = vec![vec![1; 27]];
    radio.run_for(Duration::from_millis(100));
    radio.stations[1].to_send = vec![vec![2; 27]];
    radio.run_for(Duration::from_secs(5));
    let heard: Vec<_> = radio.stations[2]
        .heard
        .iter()
        .map(|(_, frame)| frame[0])
        .collect();
    assert_eq!(heard, [1, 2]);
    assert_eq!(radio.counters().collided, 0);
}

#[test]
fn hidden_stations_collide() {
    let mut radio = talkers(AT_ONCE, 3);
    radio.set_hearing(0, 2, false);
    radio.stations[0].to_send = vec![vec![1; 27]];
    radio.run_for(Duration::from_millis(150));
    radio.stations[2].to_send = vec![vec![2; 27]];
    radio.run_for(Duration::from_secs(5));
    assert!(radio.stations[1].heard.is_empty(), "one disturbs the other");
    assert!(
        radio.stations[0].heard.is_empty(),
        "they do not hear each other"
    );
    assert_eq!(radio.counters().collided, 2);
}

#[test]
fn nobody_hears_while_sending() {
    let mut radio = talkers(AT_ONCE, 2);
    for station in &mut radio.stations {
        station.to_send = vec![vec![1; 27]];
    }
    radio.run_for(Duration::from_secs(5));
    assert!(
        radio
            .stations
            .iter()
            .all(|station| station.heard.is_empty())
    );
    assert_eq!(radio.counters().collided, 2);
}

#[test]
fn long_transmissions_are_cut_and_frames_lost_as_asked() {
    let mut radio = talkers(
        Channel {
            loss: 0.3,
            persistence: 0.25,
            longest: Duration::from_secs(2),
            ..AT_ONCE
        },
        2,
    );
    radio.stations[0].to_send = vec![vec![1; 27]; 1000];
    radio.run_for(Duration::from_secs(600));
    let counters = radio.counters();
    assert_eq!(counters.frames, 1000);
    // 300 ms and nine frames of 200 ms are more than 2 s.
    assert_eq!(counters.transmissions, 1000_u64.div_ceil(9));
    assert!((200..400).contains(&counters.lost), "{counters:?}");
    assert_eq!(counters.lost + counters.heard, 1000);
}
