use super::*;
use proptest::prelude::*;

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
        desk.editor.ask("lns> ", Echo::Command, &mut desk.sent);
        desk
    }

    fn press(&mut self, keys: &str) -> Vec<Input> {
        self.feed(keys.as_bytes())
    }

    fn feed(&mut self, octets: &[u8]) -> Vec<Input> {
        let mut inputs = Vec::new();
        for &octet in octets {
            let input = self.editor.feed(octet, &mut self.sent);
            if let Some(Input::Line(_)) = input {
                self.editor.ask("lns> ", Echo::Command, &mut self.sent);
            }
            inputs.extend(input);
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
fn letters_and_line_ends() {
    let mut desk = Desk::new();
    assert_eq!(desk.press("show version"), []);
    assert_eq!(desk.sent, b"lns> show version");
    assert_eq!(desk.press("\r\n"), [line("show version")]);
    assert_eq!(desk.sent, b"lns> show version\r\nlns> ");
    assert_eq!(
        desk.press("a\r\0b\nc\r\rd"),
        [line("a"), line("b"), line("c"), line("")]
    );
    assert_eq!(desk.shows(), "lns> d_");
}

#[test]
fn the_keys_of_the_original() {
    let mut desk = Desk::new();
    desk.press("show version\x01");
    assert_eq!(desk.shows(), "lns> _show version");
    desk.press("x\x06\x06");
    assert_eq!(desk.shows(), "lns> xsh_ow version");
    desk.press("\x02\x0b");
    assert_eq!(desk.shows(), "lns> xs_");
    desk.press("\x15hello");
    assert_eq!(desk.shows(), "lns> hello_");
    desk.press("\x1b[D\x1bOD");
    desk.press("X");
    assert_eq!(desk.shows(), "lns> helX_lo");
    desk.press("\x7f\x08");
    assert_eq!(desk.shows(), "lns> he_lo");
    desk.press("\x1b[3~\x04");
    assert_eq!(desk.shows(), "lns> he_");
    desk.press(" two  three \x17");
    assert_eq!(desk.shows(), "lns> he two  _");
    desk.press("\x1b[Hthe \x1b[F!\x0c");
    assert_eq!(desk.shows(), "lns> the he two  !_");
    desk.press("\x1b[1~\x1b[C\x1b[4~");
    assert_eq!(desk.shows(), "lns> the he two  !_");
}

#[test]
fn one_letter_is_echoed_and_erased_as_ever() {
    let mut desk = Desk::new();
    desk.sent.clear();
    desk.press("ab\x7f");
    assert_eq!(desk.sent, b"ab\x08 \x08");
    desk.sent.clear();
    desk.press("bc\x15");
    assert_eq!(desk.sent, b"bc\x08\x08\x08   \x08\x08\x08");
}

#[test]
fn what_is_asked_for() {
    let mut desk = Desk::new();
    assert_eq!(desk.press("sh?\t"), [Input::Help, Input::Complete]);
    assert_eq!(desk.editor.before_cursor(), "sh");
    desk.editor.replace(0, "show ", &mut desk.sent);
    assert_eq!(desk.shows(), "lns> show _");
    assert_eq!(desk.press("\x04\x03"), [Input::Interrupt]);
    assert_eq!(desk.press("\x04"), [Input::End]);
    assert_eq!(desk.press("x\x1a"), [Input::Leave]);
    assert_eq!(desk.press("\r"), [line("")]);
    let mut sent = Vec::new();
    desk.editor.redraw(&mut sent);
    assert_eq!(sent, b"lns> ");
}

#[test]
fn secrets_are_not_shown_and_not_kept() {
    let mut desk = Desk::new();
    desk.sent.clear();
    desk.editor.ask("Password: ", Echo::Nothing, &mut desk.sent);
    assert_eq!(desk.press("a?b\tc\x7fd\x10\x01x"), []);
    assert_eq!(desk.press("\r"), [line("xa?bd")]);
    assert!(
        !String::from_utf8_lossy(&desk.sent).contains('a')
            || desk.sent.starts_with(b"Password: \x07\x07\r\n")
    );
    assert_eq!(desk.editor.history().iter().count(), 0);
}

#[test]
fn lines_are_recalled() {
    let mut desk = Desk::new();
    desk.press("one\r\ntwo\r\ntwo\r\n  \r\nthr");
    assert_eq!(
        desk.editor.history().iter().collect::<Vec<_>>(),
        ["one", "two"]
    );
    desk.press("\x10");
    assert_eq!(desk.shows(), "lns> two_");
    desk.press("\x1b[A\x1b[A");
    assert_eq!(desk.shows(), "lns> one_");
    assert!(desk.sent.ends_with(b"\x07"));
    desk.press("\x0e\x1b[B");
    assert_eq!(desk.shows(), "lns> thr_");
    desk.press("\x0e");
    assert_eq!(desk.press("\x10\x10!\r"), [line("one!")]);
    assert_eq!(desk.editor.history().iter().last(), Some("one!"));
    for number in 0..300 {
        desk.press(&format!("{number}\r"));
    }
    assert_eq!(desk.editor.history().iter().next(), Some("44"));
}

#[test]
fn other_alphabets() {
    let mut desk = Desk::new();
    desk.press("grün");
    assert_eq!(desk.shows(), "lns> grün_");
    desk.press("\x02\x02x");
    assert_eq!(desk.shows(), "lns> grx_ün");
    desk.press("\x05\x7f\x7f");
    assert_eq!(desk.shows(), "lns> grx_");
    // Half a character, a control character of Latin-1, overlong forms.
    desk.feed(b"\xc3a\xc2\x9bb\xc0\xafc\xff\xe2\x82d");
    assert_eq!(desk.press("\r"), [line("grxabcd")]);
}

#[test]
fn control_characters_come_neither_into_the_line_nor_back() {
    let mut desk = Desk::new();
    desk.sent.clear();
    desk.feed(b"a\x07\x14\x1b[31mb\x1b]0;title\x1cc\x1b[999999999999999999xd\x1b");
    assert!(
        desk.sent.iter().all(|&octet| (0x20..0x7f).contains(&octet)),
        "{:?}",
        desk.sent
    );
    let Some(Input::Line(text)) = desk.feed(b"\r").pop() else {
        panic!("ESC before ENTER is no sequence");
    };
    assert!(text.starts_with("ab"), "{text}");
}

#[test]
fn lines_end_somewhere() {
    let mut desk = Desk::new();
    desk.press(&"x".repeat(MAX_LINE + 10));
    let Some(Input::Line(text)) = desk.press("\r").pop() else {
        panic!("a line");
    };
    assert_eq!(text.len(), MAX_LINE);
}

#[test]
fn a_terminal_that_shows_itself() {
    let mut desk = Desk::new();
    desk.editor.set_silent(true);
    desk.sent.clear();
    assert_eq!(desk.press("show\r"), [line("show")]);
    assert_eq!(desk.sent, b"lns> ");
}

proptest! {
    #[test]
    fn the_screen_shows_the_line(keys in prop::collection::vec(
        prop_oneof![
            4 => "[a-d ]", 1 => "[äß]",
            4 => prop::sample::select(vec![
                "\x01", "\x02", "\x05", "\x06", "\x08", "\x7f", "\x0b", "\x0c", "\x15", "\x17",
                "\x10", "\x0e", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[3~", "\r",
            ]).prop_map(str::to_owned),
        ], 0..40)
    ) {
        let mut desk = Desk::new();
        for key in keys {
            desk.press(&key);
            let (text, at) = screen(&desk.sent).unwrap();
            let wanted = format!("lns> {}", desk.editor.line.text());
            prop_assert_eq!(text.trim_end(), wanted.trim_end());
            prop_assert_eq!(at, 5 + desk.editor.before_cursor().chars().count());
        }
    }

    #[test]
    fn any_octets(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_editor(&octets);
    }
}
