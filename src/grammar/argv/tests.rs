use argh::{ArgsInfo, FromArgs};
use proptest::prelude::*;

use super::*;

/// A monitor-like command.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq, Clone)]
struct Monitor {
    /// where to ask
    #[argh(option, short = 'i')]
    interface: Option<String>,
    /// the port
    #[argh(option, short = 'u', default = "9000")]
    port: u16,
    /// a file
    #[argh(option, short = 'f')]
    pcap_file: Option<String>,
    /// all of it
    #[argh(switch)]
    full: bool,
    /// more words
    #[argh(switch, short = 'v')]
    verbose: u8,
    /// as XML
    #[argh(switch, short = 'x')]
    xml: bool,
    /// an offset
    #[argh(option, short = 'o')]
    offset: Option<i32>,
    /// the rest
    #[argh(positional)]
    words: Vec<String>,
}

/// A command of words.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
struct Words {
    /// a file
    #[argh(option, short = 'f')]
    file: Option<String>,
    /// more words
    #[argh(switch, short = 'v')]
    verbose: bool,
    #[argh(positional, greedy)]
    /// the words
    words: Vec<String>,
}

/// A command with commands.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
struct Top {
    /// more words
    #[argh(switch, short = 'v')]
    verbose: bool,
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(subcommand)]
enum Command {
    Add(Add),
}

/// Adds.
#[derive(FromArgs, ArgsInfo, Debug, PartialEq)]
#[argh(subcommand, name = "add")]
struct Add {
    /// how many
    #[argh(option, short = 'n')]
    number: i32,
    /// what
    #[argh(positional)]
    what: Vec<String>,
}

fn args(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn monitor(line: &str) -> Monitor {
    read("monitor", &args(line)).unwrap()
}

fn misuse<T: FromArgs + ArgsInfo + std::fmt::Debug>(line: &str) -> String {
    match read::<T>("monitor", &args(line)) {
        Err(Ended::Misuse(what)) => what,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn getopt_forms_mean_the_same() {
    for line in ["-i wp1", "-iwp1", "--interface wp1", "--interface=wp1"] {
        assert_eq!(monitor(line).interface.as_deref(), Some("wp1"), "{line}");
        assert_eq!(
            monitor(line).port,
            9000,
            "{line}: the default is not touched"
        );
    }
    let cluster = monitor("-xvvf FILE -u9001");
    assert_eq!(cluster, monitor("-x -v -v -f FILE -u 9001"));
    assert_eq!((cluster.verbose, cluster.port), (2, 9001));
    assert_eq!(monitor("-vfFILE").pcap_file.as_deref(), Some("FILE"));
}

#[test]
fn long_names_with_one_dash() {
    assert!(monitor("-full").full);
    for line in [
        "-pcap_file F",
        "-pcap-file F",
        "-pcap_file=F",
        "--pcap_file=F",
    ] {
        assert_eq!(monitor(line).pcap_file.as_deref(), Some("F"), "{line}");
    }
    // Not an exact long name: a cluster.
    assert_eq!(monitor("-fu").pcap_file.as_deref(), Some("u"));
}

#[test]
fn words_that_look_like_options() {
    assert_eq!(monitor("-5 - -0.5").words, ["-5", "-", "-0.5"]);
    assert_eq!(monitor("-o -5").offset, Some(-5));
    assert_eq!(monitor("-o-5").offset, Some(-5));
    assert_eq!(monitor("--offset=-5").offset, Some(-5));
    assert_eq!(monitor("-x -- -x --full").words, ["-x", "--full"]);
    assert_eq!(monitor("help").words, ["help"]);
    // Options after words are still options, as with GNU getopt.
    let mixed = monitor("s -x 16");
    assert_eq!((mixed.xml, mixed.words), (true, args("s 16")));
}

#[test]
fn a_greedy_word_ends_the_options() {
    let words: Words = read("wanconfig", &args("-vf FILE card - -v --help")).unwrap();
    assert_eq!(words.words, args("card - -v --help"));
    assert!(words.verbose);
}

#[test]
fn subcommands_have_their_own_options() {
    let top: Top = read("top", &args("-v add -n-3 -7 x")).unwrap();
    let Command::Add(add) = top.command;
    assert_eq!((add.number, add.what), (-3, args("-7 x")));
}

#[test]
fn help_wins_and_names_the_applet() {
    for line in ["--help", "-h", "-v --help extra -q", "-vh", "-help"] {
        match read::<Monitor>("fpipemon", &args(line)) {
            Err(Ended::Help(text)) => assert!(text.starts_with("Usage: fpipemon "), "{text}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn wrong_usage_says_what() {
    assert_eq!(misuse::<Monitor>("-q"), "unknown option '-q'");
    assert_eq!(misuse::<Monitor>("-vqx"), "unknown option '-q' in '-vqx'");
    assert_eq!(misuse::<Monitor>("--nope=1"), "unknown option '--nope=1'");
    assert_eq!(
        misuse::<Monitor>("--full=1"),
        "option '--full' takes no value"
    );
    assert_eq!(misuse::<Monitor>("word -i"), "option '-i' needs a value");
    assert_eq!(misuse::<Monitor>("-vi"), "option '-i' needs a value");
    assert_eq!(misuse::<Monitor>("--port"), "option '--port' needs a value");
    assert!(misuse::<Monitor>("-u nine").contains("'nine'"));
}

/// One option or word, and how to spell it.
#[derive(Clone, Debug)]
enum Piece {
    Interface(String, u8),
    Offset(i32, u8),
    Verbose,
    Full(bool),
    Word(String),
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        ("[a-z0-9=_-]{1,8}", 0..4u8).prop_map(|(v, how)| Piece::Interface(v, how)),
        (any::<i32>(), 0..4u8).prop_map(|(v, how)| Piece::Offset(v, how)),
        Just(Piece::Verbose),
        any::<bool>().prop_map(Piece::Full),
        prop_oneof!["[a-z][a-z-]{0,6}", "-[0-9]{1,4}", Just("-".to_owned())].prop_map(Piece::Word),
    ]
}

fn spell(short: char, long: &str, value: &str, how: u8) -> Vec<String> {
    match how {
        0 => vec![format!("-{short}"), value.to_owned()],
        1 => vec![format!("-v{short}{value}")],
        2 => vec![format!("--{long}={value}")],
        _ => vec![format!("-{long}"), value.to_owned()],
    }
}

proptest! {
    #[test]
    fn every_spelling_reads_as_meant(pieces in proptest::collection::vec(piece(), 0..8)) {
        let mut wanted = monitor("");
        let mut line = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Interface(value, how) if wanted.interface.is_none() => {
                    line.extend(spell('i', "interface", &value, how));
                    wanted.verbose += u8::from(how == 1);
                    wanted.interface = Some(value);
                }
                Piece::Offset(value, how) if wanted.offset.is_none() => {
                    line.extend(spell('o', "offset", &value.to_string(), how));
                    wanted.verbose += u8::from(how == 1);
                    wanted.offset = Some(value);
                }
                Piece::Interface(..) | Piece::Offset(..) => {}
                Piece::Verbose => {
                    line.push("-v".to_owned());
                    wanted.verbose += 1;
                }
                Piece::Full(two) => {
                    line.push(if two { "--full" } else { "-full" }.to_owned());
                    wanted.full = true;
                }
                Piece::Word(word) => {
                    line.push(word.clone());
                    wanted.words.push(word);
                }
            }
        }
        prop_assert_eq!(read::<Monitor>("monitor", &line), Ok(wanted));
    }

    #[test]
    fn no_line_panics(line in proptest::collection::vec("[-a-z=0-9. é]{0,6}", 0..6)) {
        let _ = read::<Monitor>("monitor", &line);
        let _ = read::<Words>("monitor", &line);
        let _ = read::<Top>("monitor", &line);
    }
}
