//! The admin UI in Chromium, against the real binary with real traffic. Each
//! test is what a person does there; its script stands in `tests/whole/ui`,
//! where `harness.js` says how to run one alone and how to see it.

use crate::common::directory::Directory;
use crate::common::running::{Running, Watch};
use crate::common::scripts::run_within;
use std::process::Command;
use std::time::Duration;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A scenario ends itself before, and says where it was.
const SCENARIO_MAX: Duration = Duration::from_secs(120);

/// About twenty times what it takes.
const TYPES_MAX: Duration = Duration::from_secs(120);

fn person(script: &str) {
    run_within(SCENARIO_MAX, &format!("../ui/{script}"), &[("STANDIN_BIN", env!("CARGO_BIN_EXE_standin"))]);
}

#[test]
fn the_scripts_of_the_ui_agree_with_the_types_of_the_contract() {
    let into = Directory::new();
    let mut command = Command::new("tests/whole/ui/check-types.sh");
    let (status, said) = Running::start(command.current_dir(ROOT).arg(into.path()), Watch::Both).finish(TYPES_MAX);
    assert!(status.success(), "{status}\n{said}");
}

#[test]
fn a_person_signs_in_finds_the_way_and_is_told_what_is_stale() {
    person("shell.js");
}

#[test]
fn a_person_sees_what_would_become_of_a_request() {
    person("explain.js");
}

#[test]
fn a_person_sees_one_mount_its_way_state_budgets_latency_and_errors() {
    person("mount.js");
}

#[test]
fn a_person_steers_a_mount_on_its_page_and_sees_it_at_once() {
    person("mount_steered.js");
}

#[test]
fn a_mount_that_is_not_there_is_fixed_or_only_read_says_so() {
    person("mount_gone.js");
}

#[test]
fn a_person_exports_mounts_and_imports_what_a_dry_run_has_shown() {
    person("transfer.js");
}

#[test]
fn a_person_imports_a_paste_file_and_very_many_mounts() {
    person("transfer_files.js");
}

#[test]
fn a_person_sees_what_needs_attention_and_what_went_on_in_the_last_minutes() {
    person("overview.js");
}

#[test]
fn a_person_sees_truly_how_many_mounts_fail_and_why() {
    person("overview_many.js");
}

#[test]
fn a_person_goes_through_many_mounts_and_sees_their_numbers_move() {
    person("mounts.js");
}

#[test]
fn a_person_goes_to_the_end_of_a_very_long_table_and_back_to_a_place_in_it() {
    person("mounts_far.js");
}

#[test]
fn a_person_finds_a_mount_among_many_by_words_filters_and_order() {
    person("mounts_find.js");
}

#[test]
fn a_person_does_one_thing_with_many_mounts_and_is_told_what_failed() {
    person("bulk.js");
}

#[test]
fn a_person_makes_a_mount_by_a_form_and_as_json_and_loses_nothing() {
    person("form.js");
}

#[test]
fn a_person_changes_a_mount_and_sees_before_saving_what_it_does() {
    person("form_edit.js");
}

#[test]
fn edits_outlive_lost_answers_other_tokens_and_the_mount_itself() {
    person("form_lost.js");
}

#[test]
fn a_mount_with_something_in_every_section_is_as_it_was_typed() {
    person("form_whole.js");
}

#[test]
fn two_who_edit_one_mount_see_what_each_changed() {
    person("conflict.js");
}

#[test]
fn a_person_watches_requests_as_they_end_and_takes_them_along() {
    person("traffic.js");
}

#[test]
fn a_person_follows_what_happens_and_undoes_it() {
    person("events.js");
}

#[test]
fn a_person_acts_on_a_mount_with_traffic_and_takes_it_back() {
    person("acts.js");
}

#[test]
fn a_person_drains_a_mount_and_sees_what_is_left_become_less() {
    person("drain.js");
}

#[test]
fn a_person_reads_the_history_of_a_mount_and_undoes_a_change() {
    person("history.js");
}

#[test]
fn what_is_shown_as_curl_and_command_line_makes_the_same_mount() {
    person("commands.js");
}

#[test]
fn a_person_makes_and_revokes_tokens_whose_values_never_stand_in_the_page() {
    person("tokens.js");
}

#[test]
fn whatever_mounts_requests_and_upstreams_say_is_text_on_every_page() {
    person("hostile.js");
}

#[test]
fn a_token_that_may_not_change_something_sees_no_button_for_it() {
    person("read_only.js");
}

#[test]
fn everything_that_matters_can_be_done_by_keyboard_alone() {
    person("keyboard.js");
}

#[test]
fn no_page_has_barriers_in_light_or_dark_or_is_wider_than_a_phone() {
    person("every_page.js");
}
