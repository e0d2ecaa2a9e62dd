use super::line::{pipeline, quote};
use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Do {
    Help,
    Show(&'static str),
    Clear,
    Stop,
    NoDebug,
    Debug,
    Set,
    Permit,
}

const EXEC: Modes = Modes(1);
const CONFIG: Modes = Modes(2);
const RULES: Modes = Modes(4);

const TREE: &[Command<Do>] = &[
    Command::new("help", "Show available commands", Do::Help),
    Command::group(
        "show",
        &[
            Command::new("session", "Sessions", Do::Show("session")),
            Command::new("tunnels", "Tunnels", Do::Show("tunnels")),
            Command::new("throttle", "Throttled", Do::Show("throttle")),
            Command::new(
                "users",
                "Show a list of all connected users or details of selected user",
                Do::Show("users"),
            ),
            Command::new("running-config", "All of it", Do::Show("config")).level(15),
        ],
    )
    .within(EXEC),
    Command::group(
        "clear",
        &[Command::new("counters", "To 0", Do::Clear).level(15)],
    )
    .within(EXEC),
    Command::new("shutdown", "End", Do::Stop)
        .level(15)
        .within(EXEC),
    Command::new("debug", "More", Do::Debug).within(EXEC),
    Command::group("no", &[Command::new("debug", "Less", Do::NoDebug)]).within(EXEC),
    Command::new("set", "A variable", Do::Set)
        .level(15)
        .within(CONFIG),
    Command::new("permit", "A rule", Do::Permit)
        .level(15)
        .within(RULES),
];

const USER: View<'static> = View {
    level: 0,
    modes: &[EXEC],
};
const ENABLED: View<'static> = View {
    level: 15,
    modes: &[EXEC],
};
const IN_RULES: View<'static> = View {
    level: 15,
    modes: &[RULES, CONFIG],
};

fn words(text: &str) -> Vec<String> {
    Line::split(text).into_words()
}

fn action(view: View<'_>, text: &str) -> Result<Do, String> {
    find(TREE, view, &words(text))
        .map(|found| found.action)
        .map_err(|error| error.to_string())
}

fn shown(view: View<'_>, text: &str) -> Hints {
    let mut arguments = |action, before: &[String]| match action {
        Do::Show("users") if before.is_empty() => {
            vec![Hint::kind("USER", "Who"), Hint::end()]
        }
        Do::Set => ["debug", "log_file", "log level"]
            .map(|name| Hint::word(name, None))
            .to_vec(),
        _ => vec![Hint::end()],
    };
    hints(TREE, view, text, &mut arguments).unwrap()
}

#[test]
fn abbreviations_among_what_is_visible() {
    assert_eq!(action(USER, "sh ses"), Ok(Do::Show("session")));
    assert_eq!(action(USER, "show th x y"), Ok(Do::Show("throttle")));
    let found = find(TREE, USER, &words("sh us joe ann")).unwrap();
    assert_eq!(found.names, ["show", "users"]);
    // `shutdown` exists now.
    assert_eq!(
        action(ENABLED, "sh ses"),
        Err("Invalid command \"sh\"".into())
    );
    assert_eq!(action(ENABLED, "sho run"), Ok(Do::Show("config")));
    assert_eq!(
        action(USER, "show running-config"),
        Err("Invalid command \"show running-config\"".into())
    );
    assert_eq!(
        action(USER, "sho t x"),
        Err("Invalid command \"show t\"".into())
    );
    assert_eq!(
        action(USER, "foo bar"),
        Err("Invalid command \"foo\"".into())
    );
    assert_eq!(action(USER, "show"), Err("Incomplete command".into()));
    // Nothing of it is visible, so it is not there.
    assert_eq!(
        action(USER, "clear"),
        Err("Invalid command \"clear\"".into())
    );
    assert_eq!(action(ENABLED, "clear"), Err("Incomplete command".into()));
    assert_eq!(action(USER, "no de"), Ok(Do::NoDebug));
    assert_eq!(action(USER, "\"\""), Err("Invalid command \"\"".into()));
}

#[test]
fn commands_of_the_mode_above_work() {
    let found = find(TREE, IN_RULES, &words("set a b")).unwrap();
    assert_eq!((found.action, found.mode), (Do::Set, CONFIG));
    let found = find(TREE, IN_RULES, &words("p ip")).unwrap();
    assert_eq!((found.action, found.mode), (Do::Permit, RULES));
    assert_eq!(
        action(IN_RULES, "show"),
        Err("Invalid command \"show\"".into())
    );
}

#[test]
fn question_marks() {
    assert_eq!(
        shown(USER, "").list(),
        "  help                 Show available commands\n  \
         show                 \n  debug                More\n  no                   "
    );
    assert_eq!(
        shown(USER, "show t").list(),
        "  tunnels              Tunnels\n  throttle             Throttled"
    );
    assert_eq!(
        shown(USER, "show users").list(),
        "  users                Show a list of all connected users or details of selected\n  \
         \x20                    user"
    );
    assert_eq!(
        shown(USER, "show users ").list(),
        "  USER                 Who\n  <cr>"
    );
    assert_eq!(
        shown(USER, "show users j").list(),
        "  USER                 Who\n  <cr>"
    );
    assert_eq!(shown(USER, "sh ses ").list(), "  <cr>");
    assert_eq!(shown(IN_RULES, "set lo").list(), "  log_file\n  log level");
    assert!(hints(TREE, USER, "foo ", &mut |_, _| Vec::new()).is_err());
    assert_eq!(
        list_commands(&listing(TREE, ENABLED)[1..4]),
        "  show session         Sessions\n  show tunnels         Tunnels\n  \
         show throttle        Throttled"
    );
    assert!(
        !listing(TREE, USER)
            .iter()
            .any(|(name, _)| name == "show running-config")
    );
}

#[test]
fn tab() {
    let tab = |view, text: &str| shown(view, text).complete();
    assert_eq!(tab(USER, "sho"), Completion::Word("show ".into()));
    assert_eq!(tab(USER, "show tu"), Completion::Word("tunnels ".into()));
    assert_eq!(
        tab(USER, "show t"),
        Completion::Several(vec!["tunnels".into(), "throttle".into()])
    );
    assert_eq!(tab(IN_RULES, "set l"), Completion::Longer("log".into()));
    assert_eq!(
        tab(IN_RULES, "set \"log l"),
        Completion::Word("\"log level\" ".into())
    );
    assert_eq!(shown(IN_RULES, "set \"log l").at, 4);
    assert_eq!(tab(USER, "show users j"), Completion::Several(vec![]));
}

#[test]
fn quotes_and_pipes() {
    assert_eq!(
        words(r#"  a "b c" 'd"e' f"g h"i "" "j k"#),
        ["a", "b c", "d\"e", "fg hi", "", "j k"]
    );
    assert!(Line::split("a \"b").is_quoted());
    assert!(!Line::split("a \"b\"").is_quoted());
    assert_eq!(
        pipeline("show x | include \"a|b\" |count"),
        ["show x ", " include \"a|b\" ", "count"]
    );
    assert_eq!(pipeline(""), [""]);
}

proptest! {
    #[test]
    fn quoted_words_are_read_back(texts in prop::collection::vec("[^\"]{0,12}|[^']{0,12}", 0..5)) {
        let line: Vec<String> = texts.iter().map(|text| quote(text)).collect();
        let line = line.join(" ");
        prop_assert_eq!(pipeline(&line), [&*line]);
        prop_assert_eq!(words(&line), texts);
    }

    #[test]
    fn any_line(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        fuzz_commands(&octets);
    }

    #[test]
    fn lines_of_words(level in 0..4_u8, text in "((no|sh|show|set|on|s|\"|') ?){0,6}") {
        let mut octets = vec![level];
        octets.extend(text.bytes());
        fuzz_commands(&octets);
    }
}
