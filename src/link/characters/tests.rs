use proptest::prelude::*;
use wanbox_sim::Clock;

use super::*;

const GAP: Duration = Duration::from_millis(20);

fn cutter(length: usize, gap: Duration) -> Cutter {
    Cutter::new(Config { length, gap })
}

type Pieces = Vec<(Vec<u8>, End)>;

fn pushed(cutter: &mut Cutter, now: Instant, characters: &[u8]) -> Pieces {
    let mut pieces = Vec::new();
    cutter.push(now, characters, |piece, end| {
        pieces.push((piece.to_vec(), end));
    });
    pieces
}

fn timed_out(cutter: &mut Cutter, now: Instant) -> Pieces {
    let mut pieces = Vec::new();
    cutter.handle_timeout(now, |piece, end| pieces.push((piece.to_vec(), end)));
    pieces
}

fn piece(characters: &[u8], end: End) -> (Vec<u8>, End) {
    (characters.to_vec(), end)
}

#[test]
fn a_piece_ends_by_length_or_by_silence() {
    let start = Clock::new().now();
    let mut cutter = cutter(4, GAP);
    assert_eq!(pushed(&mut cutter, start, b"ab"), []);
    assert_eq!(cutter.poll_timeout(), Some(start + GAP));
    // Characters that follow in time put the end off.
    let later = start + GAP / 2;
    assert_eq!(
        pushed(&mut cutter, later, b"cdefghij"),
        [piece(b"abcd", End::Length), piece(b"efgh", End::Length)]
    );
    assert_eq!(cutter.poll_timeout(), Some(later + GAP));
    assert_eq!(timed_out(&mut cutter, start + GAP), []);
    assert_eq!(
        timed_out(&mut cutter, later + GAP),
        [piece(b"ij", End::Silence)]
    );
    assert_eq!(cutter.poll_timeout(), None);
    assert_eq!(timed_out(&mut cutter, later + GAP * 2), []);
    let stats = Stats {
        characters: 10,
        by_length: 2,
        by_silence: 1,
        ..Stats::default()
    };
    assert_eq!(*cutter.stats(), stats);
}

#[test]
fn silence_counts_though_the_timer_is_late() {
    let start = Clock::new().now();
    let mut cutter = cutter(4, GAP);
    assert_eq!(pushed(&mut cutter, start, b"ab"), []);
    let later = start + GAP;
    assert_eq!(
        pushed(&mut cutter, later, b"cd"),
        [piece(b"ab", End::Silence)]
    );
}

#[test]
fn a_break_ends_a_piece_that_may_be_empty() {
    let start = Clock::new().now();
    let mut cutter = cutter(4, GAP);
    assert_eq!(pushed(&mut cutter, start, b"ab"), []);
    let mut pieces = Vec::new();
    for _ in 0..2 {
        cutter.push_break(start, |piece, end| pieces.push((piece.to_vec(), end)));
    }
    assert_eq!(pieces, [piece(b"ab", End::Break), piece(b"", End::Break)]);
    assert_eq!(cutter.poll_timeout(), None);
    // A break long after characters is not theirs.
    assert_eq!(pushed(&mut cutter, start, b"ab"), []);
    pieces.clear();
    cutter.push_break(start + GAP, |piece, end| pieces.push((piece.to_vec(), end)));
    assert_eq!(pieces, [piece(b"ab", End::Silence), piece(b"", End::Break)]);
}

#[test]
fn the_end_of_the_line_is_the_end_of_a_piece() {
    let start = Clock::new().now();
    let mut cutter = cutter(4, GAP);
    let mut pieces = Vec::new();
    cutter.finish(|piece, end| pieces.push((piece.to_vec(), end)));
    assert_eq!(pushed(&mut cutter, start, b"a"), []);
    cutter.finish(|piece, end| pieces.push((piece.to_vec(), end)));
    assert_eq!(pieces, [piece(b"a", End::Line)]);
    assert_eq!(cutter.poll_timeout(), None);
    cutter.flush();
    assert_eq!(*cutter.stats(), Stats::default());
}

#[test]
fn without_a_gap_only_the_length_counts() {
    let start = Clock::new().now();
    let mut cutter = cutter(3, Duration::ZERO);
    assert_eq!(pushed(&mut cutter, start, b"ab"), []);
    assert_eq!(cutter.poll_timeout(), None);
    let later = start + Duration::from_secs(3600);
    assert_eq!(
        pushed(&mut cutter, later, b"c"),
        [piece(b"abc", End::Length)]
    );
}

/// What an unmarker gives of octets in pieces of so many; a break is `None`.
fn unmarked(octets: &[u8], pieces: usize) -> (Vec<Option<u8>>, Unmarker) {
    let mut unmarker = Unmarker::default();
    let mut all = Vec::new();
    for piece in octets.chunks(pieces) {
        unmarker.decode(piece, |characters| {
            all.extend(characters.iter().copied().map(Some));
            if characters.is_empty() {
                all.push(None);
            }
        });
    }
    (all, unmarker)
}

#[test]
fn marks_are_told_from_characters() {
    let line = b"a\xff\xffb\xff\x00\x00\x00\xff\x00xc\xff\x07\xff\xff";
    for pieces in 1..line.len() {
        let (all, unmarker) = unmarked(line, pieces);
        let expected = [
            Some(b'a'),
            Some(0xff),
            Some(b'b'),
            None,
            Some(0),
            Some(b'c'),
            Some(0xff),
        ];
        assert_eq!(all, expected);
        assert_eq!((unmarker.damaged(), unmarker.malformed()), (1, 1));
    }
}

#[test]
fn half_a_mark_is_forgotten_with_the_line() {
    let mut unmarker = Unmarker::default();
    unmarker.decode(b"\xff\x00", |_| panic!("nothing came"));
    unmarker.reset();
    let mut all = Vec::new();
    unmarker.decode(b"ab", |characters| all.extend_from_slice(characters));
    assert_eq!(all, b"ab");
}

/// What may come of a line.
#[derive(Clone, Debug)]
enum Item {
    Characters(Vec<u8>),
    Break,
    Damaged(u8),
    Wait(u64),
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let item = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..50).prop_map(Item::Characters),
        1 => Just(Item::Break),
        1 => (1..=255_u8).prop_map(Item::Damaged),
        3 => (0..40_u64).prop_map(Item::Wait),
    ];
    proptest::collection::vec(item, 0..40)
}

proptest! {
    /// Every character comes out once, in order; pieces are as long as they may be unless
    /// silence, a break or the end of the line ends them, and no piece is kept longer than the
    /// gap.
    #[test]
    fn nothing_is_lost(items in items(), length in 0..20_usize, gap in 0..30_u64) {
        let gap = Duration::from_millis(gap);
        let mut now = Clock::new().now();
        let mut cutter = cutter(length, gap);
        let mut pieces: Pieces = Vec::new();
        let (mut all, mut breaks, mut last) = (Vec::new(), 0, now);
        for item in &items {
            let each = |piece: &[u8], end| pieces.push((piece.to_vec(), end));
            match item {
                Item::Characters(characters) => {
                    cutter.push(now, characters, each);
                    all.extend_from_slice(characters);
                    if !characters.is_empty() {
                        last = now;
                    }
                }
                Item::Break => {
                    cutter.push_break(now, each);
                    breaks += 1;
                }
                Item::Damaged(_) => {}
                Item::Wait(time) => {
                    now += Duration::from_millis(*time);
                    cutter.handle_timeout(now, each);
                }
            }
            if let Some(deadline) = cutter.poll_timeout() {
                prop_assert!(now < deadline && deadline <= now.max(last) + gap);
            }
        }
        cutter.finish(|piece, end| pieces.push((piece.to_vec(), end)));
        let longest = length.max(1);
        for (piece, end) in &pieces {
            match end {
                End::Length => prop_assert_eq!(piece.len(), longest),
                End::Break => prop_assert!(piece.len() < longest),
                End::Silence | End::Line => prop_assert!((1..longest).contains(&piece.len())),
            }
        }
        let ended = |wanted| pieces.iter().filter(|(_, end)| *end == wanted).count() as u64;
        let stats = Stats {
            characters: all.len() as u64,
            by_length: ended(End::Length),
            by_silence: ended(End::Silence),
            breaks,
            by_line: ended(End::Line),
        };
        prop_assert_eq!(*cutter.stats(), stats);
        prop_assert_eq!(ended(End::Break), breaks);
        prop_assert!(!gap.is_zero() || stats.by_silence == 0);
        let out: Vec<u8> = pieces.into_iter().flat_map(|(piece, _)| piece).collect();
        prop_assert_eq!(out, all);
    }

    /// What is marked as the kernel does it is read again, in whatever pieces it comes.
    #[test]
    fn marks_are_read_again(items in items(), pieces in 1..20_usize) {
        let (mut line, mut expected, mut damaged) = (Vec::new(), Vec::new(), 0);
        for item in &items {
            match item {
                Item::Characters(characters) => {
                    for &character in characters {
                        line.push(character);
                        if character == MARK {
                            line.push(MARK);
                        }
                        expected.push(Some(character));
                    }
                }
                Item::Break => {
                    line.extend_from_slice(&[MARK, 0, 0]);
                    expected.push(None);
                }
                Item::Damaged(character) => {
                    line.extend_from_slice(&[MARK, 0, *character]);
                    damaged += 1;
                }
                Item::Wait(_) => {}
            }
        }
        let (all, unmarker) = unmarked(&line, pieces);
        prop_assert_eq!(all, expected);
        prop_assert_eq!((unmarker.damaged(), unmarker.malformed()), (damaged, 0));
    }

    /// No octets make it panic, nor more characters than there were octets.
    #[test]
    fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..200), pieces in 1..20_usize) {
        let (all, _) = unmarked(&octets, pieces);
        prop_assert!(all.len() <= octets.len());
    }
}
