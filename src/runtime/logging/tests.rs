use std::fs;
use std::time::{Duration, Instant};

use super::*;

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("wanbox-log-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn logging(sinks: Vec<Sink>, level: LevelFilter, ring: usize) -> Logging {
    Logging::new(Options {
        program: "wanpiped".into(),
        level,
        sinks,
        ring,
        style: Style::Named,
    })
    .unwrap()
}

fn say(logging: &Logging, level: Level, text: &str) {
    logging.log(
        &Record::builder()
            .level(level)
            .args(format_args!("{text}"))
            .build(),
    );
}

#[test]
fn the_file_is_opened_again_after_rotation() {
    let directory = scratch("reopen");
    let path = directory.join("wanpiped.log");
    let logging = logging(vec![Sink::File(path.clone())], LevelFilter::Info, 0);
    say(&logging, Level::Info, "one");
    let rotated = directory.join("wanpiped.log.1");
    fs::rename(&path, &rotated).unwrap();
    say(&logging, Level::Info, "two");
    assert!(!path.exists());
    logging.reopen().unwrap();
    say(&logging, Level::Warn, "three");
    let old = fs::read_to_string(&rotated).unwrap();
    let new = fs::read_to_string(&path).unwrap();
    assert_eq!(old.lines().count(), 2);
    assert_eq!(new.lines().count(), 1);
    let pid = std::process::id();
    let (stamp, rest) = new.trim_end().split_once(' ').unwrap();
    assert_eq!(rest, format!("warning wanpiped[{pid}]: three"));
    assert!(stamp.ends_with('Z'));
    humantime::parse_rfc3339(stamp).unwrap();

    // When the new file cannot be opened, the old one goes on.
    fs::remove_dir_all(&directory).unwrap();
    let error = logging.reopen().unwrap_err();
    assert!(error.to_string().contains("wanpiped.log"), "{error}");
    say(&logging, Level::Info, "four");
    assert_eq!(logging.lost(), 0);
}

#[test]
fn levels_choose_what_is_kept() {
    let logging = logging(vec![], LevelFilter::Warn, 10);
    for level in Level::iter() {
        say(&logging, level, "text");
    }
    let levels = |logging: &Logging| -> Vec<_> {
        logging.recent(10).iter().map(|entry| entry.level).collect()
    };
    assert_eq!(levels(&logging), ["error", "warning"]);
    assert_eq!(logging.level(), LevelFilter::Warn);
    logging.set_level(LevelFilter::Trace);
    assert_eq!(logging.level(), LevelFilter::Trace);
    say(&logging, Level::Trace, "text");
    assert_eq!(levels(&logging), ["error", "warning", "trace"]);
}

#[test]
fn the_ring_keeps_the_last_lines() {
    let logging = logging(vec![], LevelFilter::Info, 3);
    for number in 0..10 {
        say(&logging, Level::Info, &number.to_string());
    }
    let texts = |count| -> Vec<String> {
        logging
            .recent(count)
            .into_iter()
            .map(|entry| entry.text)
            .collect()
    };
    assert_eq!(texts(100), ["7", "8", "9"]);
    assert_eq!(texts(2), ["8", "9"]);
}

#[test]
fn a_peer_can_neither_forge_lines_nor_fill_the_disk() {
    let logging = logging(vec![], LevelFilter::Info, 2);
    say(&logging, Level::Info, "name \"a\nerror b\u{1b}[2J\u{9b}\"");
    say(&logging, Level::Info, &"\n".repeat(100_000));
    let [first, second] = logging.recent(2).try_into().unwrap();
    assert_eq!(first.text, "name \"a\\nerror b\\u{1b}[2J\\u{9b}\"");
    assert!(second.text.len() <= MAX_TEXT + 8, "{}", second.text.len());
    assert!(second.text.ends_with("..."));
}

#[test]
fn speaks_rfc_3164_to_the_syslog_daemon() {
    let directory = scratch("syslog");
    let path = directory.join("log");
    let logging = logging(vec![Sink::Syslog(path.clone())], LevelFilter::Info, 0);
    say(&logging, Level::Info, "nobody listens yet");
    assert_eq!(logging.lost(), 1);

    let daemon = UnixDatagram::bind(&path).unwrap();
    say(&logging, Level::Error, "line down");
    say(&logging, Level::Info, &"x".repeat(MAX_TEXT));
    let mut octets = [0; 4096];
    let count = daemon.recv(&mut octets).unwrap();
    let packet = std::str::from_utf8(&octets[..count]).unwrap();
    let pid = std::process::id();
    assert!(packet.starts_with("<27>"), "{packet}");
    assert!(
        packet.ends_with(&format!(" wanpiped[{pid}]: line down")),
        "{packet}"
    );
    // "Nov  3 04:05:06" is 15 characters, after which comes a blank.
    assert_eq!(packet.as_bytes()[4 + 3], b' ');
    assert_eq!(packet.as_bytes()[4 + 15], b' ');
    assert_eq!(daemon.recv(&mut octets).unwrap(), MAX_SYSLOG);
    assert_eq!(logging.lost(), 1);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn tagged_lines_have_the_local_time_and_a_tag() {
    let directory = scratch("tagged");
    let path = directory.join("log");
    let socket = directory.join("syslog");
    let daemon = UnixDatagram::bind(&socket).unwrap();
    let logging = Logging::new(Options {
        program: "l2tpns".into(),
        level: LevelFilter::Trace,
        sinks: vec![Sink::File(path.clone())],
        ring: 2,
        style: Style::Tagged("00/00"),
    })
    .unwrap();
    say(&logging, Level::Info, "of nobody");
    let own = format_args!("02/07 a call");
    let record = Record::builder().target(TAGGED).args(own).build();
    logging.log(&record);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // "2026-11-21 08:09:10 " is 20 characters.
    assert_eq!(&lines[0][20..], "00/00 of nobody");
    assert_eq!(&lines[1][20..], "02/07 a call");
    assert_eq!(lines[0].as_bytes()[10], b' ');

    let local5 = Facility::of_name("local5").unwrap();
    assert_eq!(Facility::of_name("local8"), None);
    let sinks = vec![Sink::SyslogAs(socket, local5)];
    logging.set_sinks(sinks).unwrap();
    let wrong = vec![Sink::File("/no/such/directory/log".into())];
    assert!(logging.set_sinks(wrong).is_err());
    for (level, priority) in [(Level::Error, 171), (Level::Info, 173), (Level::Trace, 175)] {
        say(&logging, level, "text");
        let mut octets = [0; 256];
        let count = daemon.recv(&mut octets).unwrap();
        let packet = std::str::from_utf8(&octets[..count]).unwrap();
        assert!(packet.starts_with(&format!("<{priority}>")), "{packet}");
        assert!(packet.ends_with(": 00/00 text"), "{packet}");
    }
    let own = format_args!("00/00 the end");
    let mut record = Record::builder();
    logging.log(
        &record
            .target(CRITICAL)
            .level(Level::Error)
            .args(own)
            .build(),
    );
    let mut octets = [0; 256];
    let count = daemon.recv(&mut octets).unwrap();
    let packet = std::str::from_utf8(&octets[..count]).unwrap();
    assert!(packet.starts_with("<170>"), "{packet}");
    assert!(packet.ends_with(": 00/00 the end"), "{packet}");
    let (lines, written) = logging.since(4);
    assert_eq!((lines.len(), written), (2, 6));
    assert_eq!((lines[0].level, lines[1].level), ("trace", "critical"));
    assert_eq!(logging.since(0).0.len(), 2);
    assert_eq!(logging.since(written), (vec![], 6));
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error() {
    let error = Logging::new(Options {
        program: "wanpiped".into(),
        level: LevelFilter::Info,
        sinks: vec![Sink::File("/no/such/directory/log".into())],
        ring: 0,
        style: Style::Named,
    })
    .err()
    .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("cannot open the log file /no"),
        "{error}"
    );
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_rate_limit_counts_what_it_suppresses() {
    let start = Instant::now();
    let mut limit = RateLimit::new(2, 10 * SECOND);
    assert_eq!(limit.allow(start), Some(0));
    assert_eq!(limit.allow(start + SECOND), Some(0));
    for _ in 0..5 {
        assert_eq!(limit.allow(start + 9 * SECOND), None);
    }
    assert_eq!(limit.allow(start + 10 * SECOND), Some(5));
    assert_eq!(limit.allow(start + 11 * SECOND), Some(0));
    assert_eq!(limit.allow(start + 12 * SECOND), None);
}

#[test]
fn keyed_limits_are_apart_and_bounded() {
    let start = Instant::now();
    let each = RateLimit::new(1, 10 * SECOND);
    let all = RateLimit::new(4, 10 * SECOND);
    let mut limit = KeyedRateLimit::new(each, all, 2);
    assert_eq!(limit.allow(1, start), Some(0));
    assert_eq!(limit.allow(1, start), None);
    assert_eq!(limit.allow(2, start), Some(0));
    // One that invents keys makes room for each, but meets the limit of all.
    let allowed = (10..1000).filter(|&key| limit.allow(key, start).is_some());
    assert_eq!(allowed.count(), 2);
    assert!(limit.keys.len() <= 2);
    assert_eq!(limit.allow(7, start + 10 * SECOND), Some(0));
    assert_eq!(limit.allow(7, start + 11 * SECOND), None);
    assert_eq!(limit.allow(7, start + 20 * SECOND), Some(1));
}
