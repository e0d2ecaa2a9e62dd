//! Other networks of the same machine.

use std::path::Path;

use wanbox_runtime::netns::Namespace;

/// Does something in the network namespace at a path, or in this one.
///
/// # Errors
/// There is none, or it may not be entered.
pub fn inside<T: Send>(
    network: Option<&Path>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, String> {
    let Some(path) = network else {
        return Ok(work());
    };
    let fail = |error: std::io::Error| format!("network namespace {}: {error}", path.display());
    let namespace = Namespace::at(path).map_err(fail)?;
    // Namespaces belong to threads.
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| namespace.enter().map(|()| work()));
        match thread.join() {
            Ok(result) => result.map_err(fail),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
