//! What one run of a program may use.
//!
//! A jq program can run for ever (`repeat(.)`), recurse for ever, or grow a value without end. It
//! runs in the thread of a pipeline, so each run has a budget: every pipe, fold, call of a
//! definition and arithmetic operation takes a step, and whatever grows a value pays for it.
//!
//! Holds always: a run ends after [`STEPS`] steps, and with an error instead of an overflow of the
//! stack or the memory.

use std::cell::Cell;

/// Steps of one run: some seconds of work.
const STEPS: u64 = 5_000_000;
/// Bytes that a run may allocate for strings and lists.
const BYTES: u64 = 256 * 1024 * 1024;
/// Stack of a program that recurses. Address space only, until it is used.
const STACK: usize = 64 * 1024 * 1024;
/// Stack that must be left for what happens between two steps.
const RESERVE: usize = 2 * 1024 * 1024;

thread_local! {
    static STEPS_LEFT: Cell<u64> = const { Cell::new(0) };
    static BYTES_LEFT: Cell<u64> = const { Cell::new(0) };
    static WAS_TOO_DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs `act` on a stack of its own, deep enough for recursive programs.
pub(super) fn on_deep_stack<T>(act: impl FnOnce() -> T) -> T {
    stacker::grow(STACK, act)
}

/// Runs `act`, which asks a program, where there is stack enough for it. Most programs need little:
/// they run where they are, and those that turn out to recurse run again on a stack of their own.
pub(super) fn on_stack_enough<T>(act: impl Fn() -> T) -> T {
    if stacker::remaining_stack().is_some_and(|left| left >= 2 * RESERVE) {
        WAS_TOO_DEEP.set(false);
        let result = act();
        // A program may have caught the error.
        if !WAS_TOO_DEEP.get() {
            return result;
        }
    }
    on_deep_stack(act)
}

/// Begins a run.
pub(super) fn refill() {
    STEPS_LEFT.set(STEPS);
    BYTES_LEFT.set(BYTES);
}

/// Takes a step.
///
/// # Errors
/// The run used up what it may.
pub(super) fn step() -> Result<(), &'static str> {
    let steps = STEPS_LEFT.get();
    if steps == 0 {
        return Err("the jq program did not end within 5 million steps");
    }
    STEPS_LEFT.set(steps - 1);
    if BYTES_LEFT.get() == 0 {
        return Err("the jq program needs more than 256 MiB of memory");
    }
    if stacker::remaining_stack().is_some_and(|left| left < RESERVE) {
        WAS_TOO_DEEP.set(true);
        return Err("the jq program recurses too deeply");
    }
    Ok(())
}

/// Pays for `bytes`; whoever cannot fail hears of it at the next step.
pub(super) fn pay(bytes: usize) {
    BYTES_LEFT.set(BYTES_LEFT.get().saturating_sub(bytes as u64));
}

/// Pays for `bytes` before they are allocated.
///
/// # Errors
/// The run used up what it may.
pub(super) fn afford(bytes: usize) -> Result<(), &'static str> {
    pay(bytes);
    step()
}
