//! The getopt habits of the originals, rewritten into what argh reads.
//!
//! argh takes `-i VALUE`, `--long VALUE` and one switch a word. Scripts written
//! for the originals also say `-iVALUE`, `-vf FILE`, `--long=VALUE`, `-long` and
//! put negative numbers and a bare `-` among the words. [`normalise`] knows from
//! the argument description which options take a value, so that it can tell these apart.

use argh::{ArgsInfo, CommandInfoWithArgs, FlagInfo, FlagInfoKind, FromArgs, Optionality};

use crate::Exit;
use crate::report;

/// Parses the arguments after an applet's name, whatever getopt form they have.
///
/// On `--help` the help text goes to standard output and the result is `Err(Exit::DONE)`; on
/// wrong usage the reason and a hint go to standard error and the result is `Err(Exit::USAGE)`.
pub fn parse<T: FromArgs + ArgsInfo>(name: &str, args: &[String]) -> Result<T, Exit> {
    match read::<T>(name, args) {
        Ok(parsed) => Ok(parsed),
        Err(Ended::Help(text)) => {
            report::output(&text);
            Err(Exit::DONE)
        }
        Err(Ended::Misuse(what)) => Err(report::misuse(name, what)),
    }
}

/// As [`parse`], for options of which not all go together: `consistent` says what is wrong with them.
pub fn parse_consistent<T: FromArgs + ArgsInfo>(
    name: &str,
    args: &[String],
    consistent: fn(&T) -> Result<(), &'static str>,
) -> Result<T, Exit> {
    let parsed = parse(name, args)?;
    match consistent(&parsed) {
        Ok(()) => Ok(parsed),
        Err(what) => Err(report::misuse(name, what)),
    }
}

/// Why a command line gave no arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Help was asked for: this is the text.
    Help(String),
    /// Wrong usage: what is wrong, in one or more lines without a final newline.
    Misuse(String),
}

/// As [`parse`], but prints nothing.
pub fn read<T: FromArgs + ArgsInfo>(name: &str, args: &[impl AsRef<str>]) -> Result<T, Ended> {
    let args: Vec<String> = args.iter().map(|arg| arg.as_ref().to_owned()).collect();
    let words = normalise(&T::get_args_info(), &args).map_err(Ended::Misuse)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    T::from_args(&[name], &words).map_err(|exit| {
        if exit.status.is_ok() {
            Ended::Help(exit.output)
        } else {
            Ended::Misuse(exit.output.trim_end().to_owned())
        }
    })
}

/// Rewrites a command line into the form that argh reads: options first, each in a word of its
/// own and its value in the next, then `--`, then the positional arguments.
///
/// * `-long`, `--long`, `--long=value`: an exact long name wins over a cluster of letters; `_`
///   and `-` are the same inside a long name.
/// * `-abc`, `-fVALUE`, `-abfVALUE`: clusters; the first letter that takes a value takes the rest.
/// * `-h` is `--help` unless the applet has its own `-h`.
/// * `-5`, `-0.5` and `-` are positional arguments (unless a digit is an option letter).
/// * `--` ends the options. So does the first word of a greedy positional argument: what follows
///   belongs to it as it is.
///
/// Errors are one line that says which option is wrong and why.
pub fn normalise(info: &CommandInfoWithArgs, args: &[String]) -> Result<Vec<String>, String> {
    let greedy_from = info
        .positionals
        .iter()
        .position(|p| p.optionality == Optionality::Greedy)
        .unwrap_or(usize::MAX);
    let mut options: Vec<String> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            words.extend(rest.cloned());
            break;
        }
        if !looks_like_option(info, arg) {
            if let Some(command) = subcommand(info, arg) {
                options.extend(words);
                options.push(arg.clone());
                options.extend(normalise(command, rest.as_slice())?);
                return Ok(options);
            }
            words.push(arg.clone());
            if words.len() > greedy_from {
                words.extend(rest.cloned());
                break;
            }
            continue;
        }
        if let Some((flag, glued)) = long_form(info, arg) {
            if flag.long == HELP {
                return Ok(vec![HELP.to_owned()]);
            }
            options.push(flag.long.to_owned());
            match (takes_value(flag), glued) {
                (true, Some(value)) => options.push(value.to_owned()),
                (true, None) => options.push(value_after(arg, rest.next())?),
                (false, Some(_)) => return Err(format!("option '{}' takes no value", flag.long)),
                (false, None) => {}
            }
        } else if arg.starts_with("--") {
            return Err(format!("unknown option '{arg}'"));
        } else {
            let mut letters = arg.chars().skip(1);
            while let Some(letter) = letters.next() {
                let Some(flag) = info.flags.iter().find(|f| f.short == Some(letter)) else {
                    if letter == 'h' {
                        return Ok(vec![HELP.to_owned()]);
                    }
                    return Err(unknown_letter(letter, arg));
                };
                options.push(format!("-{letter}"));
                if takes_value(flag) {
                    let glued: String = letters.by_ref().collect();
                    options.push(if glued.is_empty() {
                        value_after(&format!("-{letter}"), rest.next())?
                    } else {
                        glued
                    });
                }
            }
        }
    }
    if !words.is_empty() {
        // Always said, so that argh takes neither `-`, `-5` nor a bare `help` for an option.
        options.push("--".to_owned());
        options.extend(words);
    }
    Ok(options)
}

/// The option every argh description has.
const HELP: &str = "--help";

fn takes_value(flag: &FlagInfo<'_>) -> bool {
    matches!(flag.kind, FlagInfoKind::Option { .. })
}

/// Not a plain word, a bare `-` or a negative number.
fn looks_like_option(info: &CommandInfoWithArgs, arg: &str) -> bool {
    let Some(body) = arg.strip_prefix('-') else {
        return false;
    };
    match body.chars().next() {
        None => false,
        Some(first) if first.is_ascii_digit() || first == '.' => {
            body.parse::<f64>().is_err() || info.flags.iter().any(|f| f.short == Some(first))
        }
        Some(_) => true,
    }
}

fn subcommand<'i>(info: &'i CommandInfoWithArgs, word: &str) -> Option<&'i CommandInfoWithArgs> {
    info.commands
        .iter()
        .map(|sub| &sub.command)
        .find(|command| {
            let mut letters = word.chars();
            let single = (letters.next(), letters.next()) == (Some(*command.short), None);
            command.name == word || single
        })
}

/// The option that a word names in full, with one dash or two, and the value after `=`.
fn long_form<'i, 'a>(
    info: &'i CommandInfoWithArgs,
    arg: &'a str,
) -> Option<(&'i FlagInfo<'static>, Option<&'a str>)> {
    let body = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'))?;
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    let flag = info.flags.iter().find(|flag| {
        let long = flag.long.trim_start_matches('-');
        // A one-letter long name is never meant by one dash: `-c` is the letter.
        (arg.starts_with("--") || name.len() > 1)
            && long.len() == name.len()
            && long
                .bytes()
                .zip(name.bytes())
                .all(|(ours, theirs)| ours == theirs || (ours == b'-' && theirs == b'_'))
    })?;
    Some((flag, value))
}

fn value_after(option: &str, value: Option<&String>) -> Result<String, String> {
    value
        .cloned()
        .ok_or_else(|| format!("option '{option}' needs a value"))
}

fn unknown_letter(letter: char, arg: &str) -> String {
    if arg.chars().count() == 2 {
        format!("unknown option '{arg}'")
    } else {
        format!("unknown option '-{letter}' in '{arg}'")
    }
}

#[cfg(test)]
mod tests;
