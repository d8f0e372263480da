use sluice_testkit::Scenes;
pub(crate) use sluice_testkit::eventually;

pub(crate) const SCENES: Scenes = Scenes {
    components: |registry| {
        sluice_builtin::register(registry);
        sluice_processes::register(registry);
    },
};
