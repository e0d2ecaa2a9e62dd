//! The same commands without a terminal: requests on the control socket.

use std::collections::VecDeque;

use serde_json::{Value, json};
use wanbox_console::filter::Filters;
use wanbox_runtime::control::script::{Ended, Progress, Request};
use wanbox_runtime::control::{ClientId, Failure, Server};
use wanbox_runtime::event_loop::Loop;

use super::host::{Form, Host, Page, Show};
use super::print::{Out, Print};
use super::run::{Item, Person, Then};

/// What may wait to be read before more is made, octets.
const ENOUGH: usize = 256 << 10;
/// How long a piece of text becomes, octets.
const PIECE: usize = 16 << 10;
/// How much is looked at before others get their turn: lines, or parts of views.
const STEPS_A_TURN: usize = 500;

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Running {
    client: ClientId,
    lines: VecDeque<String>,
    json: bool,
    person: Person,
    work: Work,
    code: u8,
}

/// What the present line prints.
#[derive(Debug)]
enum Work {
    Idle,
    Text(Box<Print>),
    Json(Json),
}

/// Views and lines as JSON.
#[derive(Debug, Default)]
struct Json {
    items: VecDeque<Item>,
    view: Option<(Show, u64)>,
    /// Lines of commands that are no views.
    lines: Vec<String>,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progressed {
    /// The client has to read first.
    Waits,
    /// It goes on in the next turn.
    Goes,
    /// It is answered, or the client is gone.
    Ended,
}

impl Running {
    pub(super) fn new(client: ClientId, request: Request) -> Self {
        Self {
            client,
            lines: request.execute.into(),
            json: request.json,
            // Only root and the daemon's own user are served.
            person: Person::enabled(),
            work: Work::Idle,
            code: 0,
        }
    }

    /// Answers as much as there is room for.
    pub(super) fn pump(
        &mut self,
        lp: &mut Loop,
        server: &mut Server,
        host: &mut dyn Host,
    ) -> Progressed {
        let mut text = String::new();
        for _ in 0..STEPS_A_TURN {
            if server.unsent(self.client) >= ENOUGH {
                self.send_text(lp, server, &mut text);
                return Progressed::Waits;
            }
            let there = match self.step(host, &mut text) {
                Step::More if text.len() >= PIECE => self.send_text(lp, server, &mut text),
                Step::More => true,
                Step::Tell(progress) => {
                    self.send_text(lp, server, &mut text)
                        && server.progress(lp, self.client, &progress)
                }
                Step::End => {
                    self.send_text(lp, server, &mut text);
                    server.reply(lp, self.client, &Ended { code: self.code });
                    return Progressed::Ended;
                }
            };
            if !there {
                return Progressed::Ended;
            }
        }
        if self.send_text(lp, server, &mut text) {
            Progressed::Goes
        } else {
            Progressed::Ended
        }
    }

    fn send_text(&self, lp: &mut Loop, server: &mut Server, text: &mut String) -> bool {
        text.is_empty() || server.progress(lp, self.client, &Progress::Text(std::mem::take(text)))
    }

    fn step(&mut self, host: &mut dyn Host, text: &mut String) -> Step {
        let wrong = match &mut self.work {
            Work::Idle => {
                let next = if self.code == 0 {
                    self.lines.pop_front()
                } else {
                    None
                };
                let Some(line) = next else {
                    return Step::End;
                };
                let (then, filters) = self.person.run(host, "control socket", &line);
                self.begin(then, filters);
                return Step::More;
            }
            Work::Text(print) => match print.next(host) {
                Some(Out::Line(line)) => {
                    text.push_str(&line);
                    text.push('\n');
                    return Step::More;
                }
                Some(Out::Nothing) => return Step::More,
                Some(Out::Wrong(failure)) => failure,
                None => {
                    self.work = Work::Idle;
                    return Step::More;
                }
            },
            Work::Json(json) => match json.next(host) {
                Some(Ok(progress)) => return Step::Tell(progress),
                Some(Err(failure)) => failure,
                None => {
                    self.work = Work::Idle;
                    return Step::More;
                }
            },
        };
        if self.code == 0 {
            self.code = wrong.code;
        }
        Step::Tell(Progress::Wrong(super::print::clean(&wrong.text)))
    }

    fn begin(&mut self, then: Then, filters: Filters) {
        let usage = |text: &str| vec![Item::Wrong(Failure::usage(text))];
        let items = match then {
            Then::Print(_) if self.json && !filters.is_empty() => {
                usage("Filters are for text, not for JSON")
            }
            Then::Print(items) => items,
            Then::Quit => {
                self.lines.clear();
                Vec::new()
            }
            Then::Enable | Then::Length(_) => Vec::new(),
            Then::History => usage("There is no history without a terminal"),
            Then::Debug(..) => usage("debug is for terminals"),
        };
        self.work = if self.json {
            Work::Json(Json {
                items: items.into(),
                ..Json::default()
            })
        } else {
            Work::Text(Box::new(Print::new(items, filters)))
        };
    }
}

enum Step {
    More,
    Tell(Progress),
    End,
}

impl Json {
    fn next(&mut self, host: &mut dyn Host) -> Option<Result<Progress, Failure>> {
        loop {
            if let Some((show, from)) = self.view.take() {
                return Some(match host.show(&show, Form::Json, from) {
                    Ok((page, next)) => {
                        self.view = next.filter(|next| *next > from).map(|next| (show, next));
                        Ok(Progress::Json {
                            value: match page {
                                Page::Json(value) => value,
                                Page::Text(text) => Value::String(text),
                            },
                            more: self.view.is_some(),
                        })
                    }
                    Err(wrong) => Err(Failure::absent(wrong)),
                });
            }
            match self.items.pop_front() {
                // What separates views on a screen.
                Some(Item::Text(text)) if text.is_empty() => {}
                Some(Item::Text(text)) => self.lines.push(text),
                Some(Item::Wrong(failure)) => return Some(Err(failure)),
                Some(Item::View(show)) => self.view = Some((show, 0)),
                None if self.lines.is_empty() => return None,
                None => {
                    let lines = std::mem::take(&mut self.lines);
                    return Some(Ok(Progress::Json {
                        value: json!({ "lines": lines }),
                        more: false,
                    }));
                }
            }
        }
    }
}
