//! Two bundles over bad lines.

use super::*;

/// A fragment on its way: when it comes, a tie breaker, the member, its octets.
type Flight = Reverse<(Instant, u64, u8, Vec<u8>)>;

/// Two bundles, and lines between them that lose, double, delay and reorder.
#[test]
fn over_bad_lines_everything_that_arrived_in_time_comes_out_in_order() {
    for_each_seed(10_000, |seed| {
        let mut random = Random::new(seed);
        let format = *random.pick(&[Format::Long, Format::Short]);
        let count = random.between(1, 4) as usize;
        let loss = *random.pick(&[0.0, 0.0, 0.01, 0.1, 0.3]);
        let doubled = *random.pick(&[0.0, 0.05]);
        let reordered = random.chance(0.3);
        let config = Config {
            send_format: format,
            receive_format: format,
            min_fragment: random.between(16, 300) as usize,
            max_fragments: 1024,
            max_octets: 16 << 20,
            patience: Duration::from_secs(10),
            ..Config::default()
        };
        let mut at = now();
        let mut sender = Bundle::new(config).unwrap();
        let mut receiver = Bundle::new(config).unwrap();
        let mut delays = Vec::new();
        for _ in 0..count {
            let rate = *random.pick(&[64_000, 128_000, 2_048_000, 0]);
            sender.join(at, &link(rate)).unwrap();
            receiver.join(at, &link(rate)).unwrap();
            delays.push(random.duration(Duration::from_millis(100)));
        }
        // Numbers that come around in the middle of the run.
        let start = format.mask() - random.below(100) as u32;
        sender.send_sequence = start;
        receiver.restart_at(start);

        let mut air: BinaryHeap<Flight> = BinaryHeap::new();
        let mut last = vec![at; count];
        let mut serial = 0;
        // By packet: the sequence numbers of its fragments, counted from 0.
        let mut packets: Vec<(Vec<u8>, Vec<u64>)> = Vec::new();
        let mut number = 0_u64;
        for _ in 0..random.between(20, 120) {
            at += random.duration(Duration::from_millis(5));
            let mut packet = vec![0; random.between(1, 1500) as usize];
            random.fill(&mut packet);
            let mut numbers = Vec::new();
            let mut whole = vec![0x21];
            whole.extend_from_slice(&packet);
            let mut flights = Vec::new();
            sender
                .send(at, &[0x21], &packet, |id, head, data| {
                    numbers.push(number);
                    number += 1;
                    flights.push((id.0, [&head[4..], data].concat()));
                })
                .unwrap();
            packets.push((whole, numbers));
            for (id, octets) in flights {
                let place = usize::from(id);
                let copies = 1 + u32::from(random.chance(doubled));
                for _ in 0..copies {
                    if random.chance(loss) {
                        continue;
                    }
                    let mut arrives = at + delays[place];
                    if reordered {
                        arrives += random.duration(Duration::from_millis(20));
                    } else {
                        arrives = arrives.max(last[place]);
                        last[place] = arrives;
                    }
                    serial += 1;
                    air.push(Reverse((arrives, serial, id, octets.clone())));
                }
            }
        }

        // What every member has passed, by the numbers counted from 0, as section 4.1 has it.
        let mut seen: Vec<i64> = vec![-1; count];
        let mut arrived: BTreeMap<u64, bool> = BTreeMap::new();
        let mut out = Vec::new();
        let mut heard = 0;
        while let Some(Reverse((arrives, _, id, octets))) = air.pop() {
            at = at.max(arrives);
            let sequence = Fragment::parse(format, &octets).unwrap().header.sequence;
            // The runs are shorter than half the numbers there are.
            let counted = u64::from(format.advance(sequence, 1 + format.mask() - start));
            let passed = *seen.iter().min().unwrap();
            heard += 1;
            arrived.entry(counted).or_insert(passed <= counted as i64);
            let member = &mut seen[usize::from(id)];
            *member = (*member).max(counted as i64);
            out.extend(give(&mut receiver, at, MemberId(id), &octets));
        }
        let mut packet = Vec::new();
        while receiver.poll_timeout().is_some() {
            receiver.handle_timeout(at + Duration::from_secs(3600));
            while receiver.poll_packet(&mut packet) {
                out.push(packet.clone());
            }
        }
        assert_eq!(receiver.waiting(), (0, 0));

        // Nothing is made up, doubled or out of order: what came out is a part of what was sent.
        let mut got = out.iter().peekable();
        for (whole, numbers) in &packets {
            let in_time = numbers.iter().all(|n| arrived.get(n) == Some(&true));
            if got.next_if(|packet| *packet == whole).is_none() {
                assert!(!in_time, "a packet that was all there in time is missing");
            }
        }
        assert_eq!(
            got.next(),
            None,
            "a packet that was not sent, or not in order"
        );

        let stats = receiver.stats();
        assert_eq!(stats.rx_fragments, heard);
        assert_eq!(
            (stats.overflows, stats.restarts, stats.rx_malformed),
            (0, 0, 0)
        );
        if loss == 0.0 && !reordered {
            assert_eq!(out.len(), packets.len());
            assert_eq!((stats.lost, stats.discarded, stats.orphans), (0, 0, 0));
        }
    });
}

#[test]
fn members_that_join_and_leave_cost_only_what_they_carried() {
    for_each_seed(1000, |seed| {
        let mut random = Random::new(seed);
        let mut at = now();
        let mut sender = Bundle::new(Config::default()).unwrap();
        let mut receiver = Bundle::new(Config::default()).unwrap();
        let mut members: Vec<MemberId> = Vec::new();
        let mut sent = 0_u32;
        let mut got = Vec::new();
        for step in 0..300 {
            at += Duration::from_millis(10);
            if step == 0 || members.len() < 4 && random.chance(0.05) {
                let id = sender.join(at, &link(64_000)).unwrap();
                assert_eq!(receiver.join(at, &link(64_000)), Some(id));
                members.push(id);
            } else if members.len() > 1 && random.chance(0.05) {
                let id = members.swap_remove(random.below(members.len() as u64) as usize);
                sender.leave(id);
                receiver.leave(id);
            }
            let mut packet = vec![0; random.between(4, 1500) as usize];
            packet[..4].copy_from_slice(&sent.to_be_bytes());
            sent += 1;
            let mut frames = Vec::new();
            let pushed = sender.send(at, &[0x21], &packet, |id, head, data| {
                frames.push((id, [&head[4..], data].concat()));
            });
            assert_eq!(pushed, Ok(()));
            for (id, octets) in frames {
                for packet in give(&mut receiver, at, id, &octets) {
                    got.push(u32::from_be_bytes(packet[1..5].try_into().unwrap()));
                }
            }
        }
        assert_eq!(got, (0..sent).collect::<Vec<_>>());
    });
}
