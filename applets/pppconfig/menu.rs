//! The menus.

use super::*;

/// Shows the providers, or the one that is named, until the user leaves.
///
/// # Errors
/// The terminal went away.
pub fn run(command: &Command, root: &Root, dialog: &mut dyn Dialog) -> io::Result<()> {
    if let Some(name) = &command.provider {
        return match Provider::load(root, name) {
            Ok(Some(provider)) => change(root, provider, dialog),
            Ok(None) => create(command, root, name, dialog),
            Err(why) => dialog.show("Not read", &why),
        };
    }
    let mut selected = 0;
    loop {
        let names = provider::list(root);
        let mut items: Vec<Item> = names
            .iter()
            .map(|name| {
                let number = match Provider::load(root, name) {
                    Ok(Some(provider)) => provider.get("NUMBER"),
                    _ => String::new(),
                };
                Item::new(name, number, format!("pppd call {name}"))
            })
            .collect();
        items.push(Item::new("New provider", "", "asks what is needed"));
        let form = Form {
            title: "pppconfig: providers".to_owned(),
            items,
            actions: vec![('n', "new"), ('d', "delete")],
            ..Form::default()
        };
        let answer = dialog.choose(&form, selected)?;
        match answer {
            Answer::Back | Answer::Quit => return Ok(()),
            Answer::Item(item) | Answer::Action(_, item) => {
                selected = item;
                let named = names
                    .get(item)
                    .filter(|_| !matches!(answer, Answer::Action('n', _)));
                match (named, answer) {
                    (Some(name), Answer::Action('d', _)) => delete(root, name, dialog)?,
                    (Some(name), _) => match Provider::load(root, name) {
                        Ok(Some(provider)) => change(root, provider, dialog)?,
                        Ok(None) => {}
                        Err(why) => dialog.show("Not read", &why)?,
                    },
                    (None, Answer::Action('d', _)) => {}
                    (None, _) => {
                        if let Some(name) = ask_name(command, root, dialog)? {
                            create(command, root, &name, dialog)?;
                        }
                    }
                }
            }
        }
    }
}

fn ask_name(command: &Command, root: &Root, dialog: &mut dyn Dialog) -> io::Result<Option<String>> {
    if command.noname {
        return Ok(Some(DEFAULT.to_owned()));
    }
    let question = Question {
        title: "Name of the new provider".to_owned(),
        help: "1 to 40 letters, digits, '_', '-', '.'".to_owned(),
        preset: DEFAULT.to_owned(),
        secret: false,
    };
    dialog.ask(&question, &|name| {
        check_name(name)?;
        match Provider::load(root, name)? {
            Some(_) => Err(format!("there is a provider '{name}' already")),
            None => Ok(()),
        }
    })
}

fn create(command: &Command, root: &Root, name: &str, dialog: &mut dyn Dialog) -> io::Result<()> {
    let mut provider = Provider::new(name);
    if let Some(port) = &command.ttyport
        && let Err(why) = provider.set("PORT", port)
    {
        return dialog.show("Not made", &why);
    }
    for property in PROPERTIES.iter().filter(|p| p.asked) {
        if !ask(&mut provider, property, dialog)? {
            return Ok(());
        }
        if property.key == "USER" && !ask_password(&mut provider, dialog)? {
            return Ok(());
        }
    }
    change(root, provider, dialog)
}

/// Asks for one value. `false`: the user went back.
fn ask(provider: &mut Provider, property: &Property, dialog: &mut dyn Dialog) -> io::Result<bool> {
    let now = provider.get(property.key);
    let words: Vec<&str> = match property.allowed {
        "YES, NO" => {
            // Two values need no list: the other one.
            let other = if now == "YES" { "NO" } else { "YES" };
            let set = provider.set(property.key, other);
            return done(set, dialog).map(|()| true);
        }
        "PAP, CHAP, CHAT" => vec!["PAP", "CHAP", "CHAT"],
        _ => Vec::new(),
    };
    let text = if words.is_empty() {
        let question = Question {
            title: property.key.to_owned(),
            help: format!("{}\n{}", property.meaning, property.allowed),
            preset: now,
            secret: false,
        };
        dialog.ask(&question, &|text| property.read(text).map(|_| ()))?
    } else {
        let choices: Vec<(String, String)> = words
            .iter()
            .map(|w| ((*w).to_owned(), String::new()))
            .collect();
        let at = words.iter().position(|w| *w == now).unwrap_or(0);
        let picked = dialog.pick(property.meaning, &choices, at)?;
        picked.and_then(|n| words.get(n)).map(|w| (*w).to_owned())
    };
    match text {
        Some(text) => {
            let set = provider.set(property.key, &text);
            done(set, dialog).map(|()| true)
        }
        None => Ok(false),
    }
}

fn done(result: Result<(), String>, dialog: &mut dyn Dialog) -> io::Result<()> {
    result.or_else(|why| dialog.show("Not changed", &why))
}

fn ask_password(provider: &mut Provider, dialog: &mut dyn Dialog) -> io::Result<bool> {
    let question = Question {
        title: "Password".to_owned(),
        help: "It is not shown.".to_owned(),
        preset: String::new(),
        secret: true,
    };
    match dialog.ask(&question, &check_password)? {
        Some(password) => {
            provider.password = Some(password);
            Ok(true)
        }
        None => Ok(false),
    }
}

/// The page of a provider.
fn change(root: &Root, mut provider: Provider, dialog: &mut dyn Dialog) -> io::Result<()> {
    let mut written = Provider::load(root, &provider.name).ok().flatten();
    let mut selected = 0;
    loop {
        let is_changed = written.as_ref() != Some(&provider);
        let mut items = vec![Item::new(
            "PASSWORD",
            "(not shown)",
            "the password, kept where only root reads it",
        )];
        items.extend(PROPERTIES.iter().map(|p| {
            Item::new(
                p.key,
                provider.get(p.key),
                format!("{}\n{}", p.meaning, p.allowed),
            )
        }));
        let form = Form {
            title: format!("Provider {}", provider.name),
            state: if is_changed { "not written" } else { "" }.to_owned(),
            items,
            actions: vec![('s', "save")],
        };
        match dialog.choose(&form, selected)? {
            Answer::Item(0) => {
                selected = 0;
                ask_password(&mut provider, dialog)?;
            }
            Answer::Item(at) => {
                selected = at;
                if let Some(property) = PROPERTIES.get(at - 1) {
                    ask(&mut provider, property, dialog)?;
                }
            }
            Answer::Action(_, at) => {
                selected = at;
                if save(root, &provider, dialog)? {
                    written = Provider::load(root, &provider.name).ok().flatten();
                    if let Some(written) = &written {
                        provider = written.clone();
                    }
                }
            }
            Answer::Back | Answer::Quit => {
                if !is_changed {
                    return Ok(());
                }
                let choices = ["Write it", "Drop the changes", "Go on editing"]
                    .map(|text| (text.to_owned(), String::new()));
                let title = format!("{} is changed and not written.", provider.name);
                match dialog.pick(&title, &choices, 0)? {
                    Some(0) if save(root, &provider, dialog)? => return Ok(()),
                    Some(1) => return Ok(()),
                    _ => {}
                }
            }
        }
    }
}

fn save(root: &Root, provider: &Provider, dialog: &mut dyn Dialog) -> io::Result<bool> {
    match provider.save(root) {
        Ok(written) => {
            let files: Vec<String> = written.iter().map(|p| p.display().to_string()).collect();
            let text = format!(
                "{}\n\nThis dials: pppd call {}",
                files.join("\n"),
                provider.name
            );
            dialog.show("Written", &text)?;
            Ok(true)
        }
        Err(why) => {
            dialog.show("Not written", &why)?;
            Ok(false)
        }
    }
}

fn delete(root: &Root, name: &str, dialog: &mut dyn Dialog) -> io::Result<()> {
    let choices = ["Keep it", "Delete it"].map(|text| (text.to_owned(), String::new()));
    if dialog.pick(&format!("Delete {name}?"), &choices, 0)? != Some(1) {
        return Ok(());
    }
    let deleted = Provider::load(root, name).and_then(|provider| match provider {
        Some(provider) => provider.delete(root).map(|_| ()).map_err(|e| e.to_string()),
        None => Ok(()),
    });
    done(deleted, dialog)
}

#[cfg(test)]
mod tests;
