//! Every scenario of the library: its claims hold and its result is the one that was reviewed.
//!
//! Scale scenarios are only read here; `.ci/scenarios` runs them in a release build.

use std::path::Path;
use std::process::Command;

fn scenario(path: &Path) -> datatest_stable::Result<()> {
    // The result names the file as it was given: from the project's folder.
    let path = path
        .strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .unwrap_or(path);
    let folder = path
        .parent()
        .and_then(Path::file_name)
        .ok_or("a scenario has a theme")?;
    let stem = path
        .file_stem()
        .ok_or("a scenario has a name")?
        .to_string_lossy()
        .into_owned();
    let command = if folder == "scale" { "check" } else { "run" };
    let output = Command::new(env!("CARGO_BIN_EXE_retrial"))
        .args([command.as_ref(), path.as_os_str()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        let complaint = String::from_utf8(output.stderr)?;
        return Err(format!("exit {:?}\n{text}{complaint}", output.status.code()).into());
    }
    if command == "check" {
        return Ok(());
    }
    let mut settings = insta::Settings::new();
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("snapshots/scenarios")
        .join(folder);
    settings.set_snapshot_path(snapshots);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(stem, text));
    Ok(())
}

datatest_stable::harness! {
    { test = scenario, root = "scenarios", pattern = r"\.toml$" },
}
