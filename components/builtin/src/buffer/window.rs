//! Where windows of time begin and end.

use std::time::Duration;

/// A moment in nanoseconds since 1970.
pub(super) type Moment = i128;

/// Windows are aligned to the first moment of the year 1, so that those of a week begin on Monday.
const EPOCH: i128 = -62_135_596_800 * 1_000_000_000;

#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    size: i128,
    /// Zero for windows that do not overlap.
    slide: i128,
    offset: i128,
}

/// A window, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: Moment,
    pub(super) end: Moment,
}

impl Windows {
    pub(super) fn new(size: Duration, slide: Duration, offset: i128) -> Self {
        Self { size: size.as_nanos() as i128, slide: slide.as_nanos() as i128, offset }
    }

    /// Time from the beginning of one window to that of the next.
    fn step(&self) -> i128 {
        if self.slide > 0 { self.slide } else { self.size }
    }

    /// The window that ends next.
    pub(super) fn next(&self, now: Moment) -> Window {
        let since = now - 1 - EPOCH - self.offset;
        let newest = since.div_euclid(self.step()) * self.step() + EPOCH + self.offset + 1;
        let start = if self.slide > 0 { newest + self.slide - self.size } else { newest };
        Window { start, end: start + self.size - 1 }
    }

    pub(super) fn before(&self, window: Window) -> Window {
        Window { start: window.start - self.step(), end: window.end - self.step() }
    }

    /// Messages older than the beginning of this one are needed no more when `window` has left.
    pub(super) fn after(&self, window: Window) -> Window {
        Window { start: window.start + self.step(), end: window.end + self.step() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    #[test]
    fn windows_follow_each_other_without_a_gap() {
        let windows = Windows::new(Duration::from_secs(2), Duration::ZERO, 0);
        let window = windows.next(5 * SECOND);
        assert_eq!(window, Window { start: 4 * SECOND + 1, end: 6 * SECOND });
        assert_eq!(windows.next(6 * SECOND), window);
        assert_eq!(windows.next(6 * SECOND + 1).start, window.end + 1);
        assert_eq!(windows.before(window).end, window.start - 1);
        assert_eq!(windows.after(window).start, window.end + 1);
    }

    #[test]
    fn sliding_windows_overlap() {
        let windows = Windows::new(Duration::from_secs(10), Duration::from_secs(2), 0);
        let window = windows.next(11 * SECOND);
        // Of the windows that are open at 11 s, this is the one that ends first.
        assert_eq!(window, Window { start: 2 * SECOND + 1, end: 12 * SECOND });
        assert_eq!(windows.after(window).start, 4 * SECOND + 1);
    }

    #[test]
    fn an_offset_moves_them() {
        let windows = Windows::new(Duration::from_secs(10), Duration::ZERO, 8 * SECOND);
        assert_eq!(windows.next(17 * SECOND).start, 8 * SECOND + 1);
        let windows = Windows::new(Duration::from_secs(10), Duration::ZERO, -3 * SECOND);
        assert_eq!(windows.next(17 * SECOND + 2).start, 17 * SECOND + 1);
    }
}
