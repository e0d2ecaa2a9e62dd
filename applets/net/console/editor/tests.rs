use super::*;
use proptest::prelude::*;
use wanbox_console::editor::screen_with_cursor;

struct Desk {
    editor: Editor,
    sent: Vec<u8>,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self {
            editor: Editor::new(),
            sent: Vec::new(),
        };
        desk.editor.ask("net> ", &mut desk.sent);
        desk
    }

    fn press(&mut self, keys: &str) -> Vec<Input> {
        let mut inputs = Vec::new();
        for octet in keys.bytes() {
            let before = inputs.len();
            self.editor.feed(octet, &mut inputs, &mut self.sent);
            if inputs.len() > before && !self.editor.is_raw() {
                if let Some(Input::Part(_)) = inputs.last() {
                    self.sent.extend(b"\r\n");
                }
                self.editor.ask("net> ", &mut self.sent);
            }
        }
        inputs
    }

    /// What is written on the screen, with the cursor as `_`.
    fn shows(&self) -> String {
        screen_with_cursor(&self.sent).unwrap()
    }
}

fn line(text: &str) -> Input {
    Input::Line(text.into())
}

#[test]
fn the_keys_of_the_manual() {
    let mut desk = Desk::new();
    for (keys, screen) in [
        ("tcp status", "net> tcp status_"),
        ("\x01", "net> _tcp status"),
        ("\x1bf", "net> tcp_ status"),
        ("\x1bf\x1bb", "net> tcp _status"),
        ("\x02\x06\x06", "net> tcp s_tatus"),
        ("\x1bd", "net> tcp s_"),
        ("\x17", "net> tcp _"),
        ("\x1b\x7f", "net> _"),
        ("route add\x1bH\x04\x1bP", "net> _ute add"),
        ("\x1b[F!\x08\x7f", "net> ute ad_"),
        ("\x1b[H\x0b", "net> _"),
        ("x y\x18", "net> _"),
        ("x y\x15", "net> _"),
        ("\x1b&r1L\x1b[2~z\x0c", "net> z_"),
    ] {
        assert_eq!(desk.press(keys), [], "{keys:?}");
        assert_eq!(desk.shows(), screen, "{keys:?}");
    }
    assert_eq!(desk.press("\r\n"), [line("z")]);
    assert_eq!(desk.press("no end\x14"), [Input::Part("no end".into())]);
    assert_eq!(desk.press("\n"), [line("")]);
}

#[test]
fn the_next_key_as_it_is() {
    let mut desk = Desk::new();
    desk.press("ab\x02\x16");
    assert_eq!(desk.shows(), "net> a_^");
    desk.press("\x01");
    assert_eq!(desk.shows(), "net> a^A_b");
    desk.press("\x1b[D\x11\x1d");
    assert_eq!(desk.shows(), "net> a^]_^Ab");
    desk.press("\x16\r");
    assert_eq!(desk.press("\r"), [line("a\x1d\r\x01b")]);
}

#[test]
fn lines_are_looked_for() {
    let mut desk = Desk::new();
    desk.press("ping one\rroute\rping two\rarp\r");
    desk.press("half\x12");
    assert_eq!(desk.shows(), "net> ^R_");
    desk.press("pinx\x08g o");
    assert_eq!(desk.shows(), "net> ^Rping o_");
    assert_eq!(desk.press("\r"), []);
    assert_eq!(desk.shows(), "net> ping one_");
    assert_eq!(desk.press("\r"), [line("ping one")]);
    desk.press("\x12nowhere\r");
    assert!(desk.sent.ends_with(b"\x07"));
    assert_eq!(desk.shows(), "net> _");
    desk.press("\x10\x10");
    assert_eq!(desk.shows(), "net> arp_");
}

#[test]
fn the_escape_character() {
    let mut desk = Desk::new();
    assert_eq!(desk.press("half a line\x1d"), [Input::Escape]);
    assert_eq!(desk.editor.history().iter().last(), Some("half a line"));
    desk.editor.set_raw(true);
    assert_eq!(
        desk.press("\x01\x1b\r\x1d"),
        [
            Input::Octet(1),
            Input::Octet(0x1b),
            Input::Octet(b'\r'),
            Input::Escape
        ]
    );
    desk.editor.set_raw(false);
    desk.editor.set_escape(Some(b'!'));
    assert_eq!(desk.press("!\x1d"), [Input::Escape]);
    desk.editor.set_escape(None);
    assert_eq!(desk.press("!\r"), [line("\x1d!")]);
    // In the midst of a search as well.
    desk.editor.set_escape(Some(ESCAPE));
    assert_eq!(desk.press("\x12x\x1dyz\r"), [Input::Escape, line("yz")]);
}

#[test]
fn function_keys_play_their_texts() {
    let mut desk = Desk::new();
    assert!(desk.editor.set_function(1, b"ping \x1b[12~host\r"));
    assert!(desk.editor.set_function(12, b"x"));
    assert!(!desk.editor.set_function(0, b"x") && !desk.editor.set_function(13, b"x"));
    assert_eq!(desk.press("\x1b[24~\x1bOP"), [line("xping host")]);
    // Its own key within a text is nothing.
    desk.editor.set_function(2, b"\x1bOQ2");
    assert_eq!(desk.press("\x1bq\x1b[12~\r"), [line("22")]);
}

#[test]
fn lines_end_somewhere() {
    let mut desk = Desk::new();
    desk.press(&"x".repeat(LONGEST));
    assert!(!desk.sent.contains(&7));
    desk.press("x");
    assert!(desk.sent.ends_with(b"\x07"));
    assert_eq!(desk.press("\r"), [line(&"x".repeat(LONGEST))]);
}

proptest! {
    #[test]
    fn the_screen_shows_the_line(keys in prop::collection::vec(
        prop_oneof![
            4 => "[a-d ]", 1 => "[äß]", 1 => Just("\x16\x01".to_owned()),
            4 => prop::sample::select(vec![
                "\x01", "\x02", "\x05", "\x06", "\x08", "\x7f", "\x0b", "\x0c", "\x15", "\x17",
                "\x10", "\x0e", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[3~", "\r", "\x1bd",
                "\x1bb", "\x1bf", "\x12", "\x1d", "\x14",
            ]).prop_map(str::to_owned),
        ], 0..40)
    ) {
        let mut desk = Desk::new();
        for key in keys {
            desk.press(&key);
            let line = &desk.editor.line;
            let mark = if desk.editor.purpose == Purpose::Search { "^R" } else { "" };
            let shown = |text| wanbox_console::editor::shown(text).into_owned();
            let (before, all) = (shown(line.before_cursor()), shown(line.text()));
            let behind = all.strip_prefix(&before).unwrap();
            let wanted = format!("net> {mark}{before}_{behind}");
            let shows = desk.shows();
            prop_assert_eq!(shows.trim_end(), wanted.trim_end());
        }
    }

    #[test]
    fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_keyboard(&octets);
    }
}
