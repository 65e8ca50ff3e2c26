//! The choice of image, attack, trigger and target. The menus follow from the lists of attacks and classes.

use crate::app::App;
use crate::app::models::is_victim;
use crate::app::picture::CurrentImage;
use crate::parameter::parameter;
use crate::state::State;
use crate::{fetch, files, text};
use leptos::ev::Event;
use leptos::prelude::*;
use leptos::task::spawn_local;
use unstamp_shared::attacks::{ATTACKS, Attack, attack};
use unstamp_shared::datasets::signs;
use unstamp_shared::manifest::ModelEntry;
use unstamp_shared::method::Values;
use wasm_bindgen_futures::JsFuture;

/// Shows the generated test image that is `by` further on.
fn go(app: App, by: usize) {
    let index = (app.state.with_untracked(|state| state.image) + by) % signs::TEST;
    app.picture.current.set(CurrentImage::generated(index));
    app.state.update(|state| state.image = index);
}

/// Copies a link to what the page shows. A page that came without encryption has no clipboard; then the
/// visitor can copy the link by hand.
fn copy_link(app: App) {
    let location = window().location();
    let page = location.href().unwrap_or_default();
    let page = page.split('#').next().unwrap_or_default();
    let link = format!("{page}{}", app.state.with_untracked(State::to_hash));
    if !window().is_secure_context() {
        return app.say(text::link_by_hand(&link));
    }
    let own = app.picture.current.with_untracked(|current| current.label.is_none())
        || app.state.with_untracked(|s| s.models.iter().any(|id| app.models.is_own(id)));
    let copied = JsFuture::from(window().navigator().clipboard().write_text(&link));
    spawn_local(async move {
        match copied.await {
            Ok(_) => app.say(text::link_copied(own)),
            Err(_) => app.say(text::link_by_hand(&link)),
        }
    });
}

/// The buttons that choose the image.
#[component]
pub fn ImageChoice(app: App) -> impl IntoView {
    let caption = move || match app.picture.current.with(|current| current.label) {
        None => text::OWN_PICTURE.to_string(),
        Some(label) => text::test_image(app.state.with(|state| state.image), signs::CLASSES[label]),
    };
    let choose = move |event: Event| {
        if let Some(file) = fetch::picked(&event) {
            files::take(app, file);
        }
    };
    view! {
        <p class="caption" id="caption">{caption}</p>
        <div class="row images">
            <button on:click=move |_| go(app, signs::TEST - 1) aria-label=text::PREVIOUS_IMAGE>{text::PREVIOUS}</button>
            <button on:click=move |_| go(app, 1) aria-label=text::NEXT_IMAGE>{text::NEXT}</button>
            <label class="button">{text::OWN_FILE}
                <input type="file" id="file" on:change=choose />
            </label>
            <button on:click=move |_| copy_link(app)>{text::COPY_LINK}</button>
        </div>
    }
}

/// Chooses an attack, with a published victim of it in the place of the first shown victim. Without such a
/// victim the models stay, and the trigger has the attack's defaults.
fn choose_attack(app: App, id: String) {
    let entries = app.models.entries.get_untracked();
    let is_its_victim = |entry: &&ModelEntry| {
        is_victim(entry) && entry.trigger.as_ref().is_some_and(|trigger| trigger.attack == id)
    };
    let victim = entries.iter().find(is_its_victim);
    let is_shown_victim =
        |shown: &String| entries.iter().any(|entry| entry.id == *shown && is_victim(entry));
    app.state.update(|state| {
        state.attack = id.clone();
        state.set = Values::default();
        let Some(victim) = victim else { return };
        if !state.models.contains(&victim.id) {
            match state.models.iter().position(is_shown_victim) {
                Some(at) => state.models[at] = victim.id.clone(),
                None => state.models.push(victim.id.clone()),
            }
        }
        if let Some(record) = &victim.trigger {
            *state = state.with_trigger(record);
        }
    });
    match victim {
        Some(_) => app.message.set(None),
        None => app.say(text::NO_VICTIM),
    }
}

/// The menu of attacks.
#[component]
fn AttackMenu(app: App) -> impl IntoView {
    let choose = move |event: Event| choose_attack(app, event_target_value(&event));
    let options = ATTACKS.iter().map(|attack| {
        let method = attack.method();
        view! { <option value=method.id>{method.title}</option> }
    });
    view! {
        <label class="field">
            <span>{text::ATTACK}</span>
            <select id="attack" prop:value=move || app.state.with(|state| state.attack.clone())
                on:change=choose>{options.collect_view()}</select>
        </label>
    }
}

/// Whether the attack wants the same class for every image.
fn has_one_target(attack: &dyn Attack) -> bool {
    attack.wanted(0, 0, 2) == attack.wanted(1, 0, 2)
}

/// The menu of target classes; hidden for attacks that do not have one target.
#[component]
fn TargetMenu(app: App) -> impl IntoView {
    let hidden = move || !app.state.with(|state| attack(&state.attack).is_some_and(has_one_target));
    let choose = move |event: Event| {
        let target = event_target_value(&event).parse().unwrap_or(0);
        app.state.update(|state| state.target = target);
    };
    let options = signs::CLASSES.iter().enumerate();
    let options = options.map(|(index, class)| view! { <option value=index>{*class}</option> });
    view! {
        <label class="field" class:hidden=hidden>
            <span>{text::TARGET}</span>
            <select id="target" prop:value=move || app.state.with(|state| state.target.to_string())
                on:change=choose>{options.collect_view()}</select>
        </label>
    }
}

/// Attack, trigger and target.
#[component]
pub fn Controls(app: App) -> impl IntoView {
    let summary =
        move || app.state.with(|state| attack(&state.attack).map_or("", |a| a.method().summary));
    let params = move || {
        let id = app.state.with(|state| state.attack.clone());
        attack(&id).map(|attack| {
            let shown = attack.params().into_iter().filter(|param| !param.planting);
            shown.map(|param| parameter(app, param)).collect_view()
        })
    };
    view! {
        <fieldset class="controls">
            <legend>{text::TRIGGER}</legend>
            <AttackMenu app=app />
            <label class="field switch">
                <input type="checkbox" id="stamped" prop:checked=move || app.state.with(|state| state.stamped)
                    on:change=move |event| app.state.update(|state| state.stamped = event_target_checked(&event)) />
                <span>{text::STAMPED}</span>
            </label>
            <p class="small">{summary}</p>
            {params}
            <TargetMenu app=app />
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only this attack wants another class for every class of images.
    #[test]
    fn the_menu_of_targets_is_hidden_for_all_target() {
        let without = ATTACKS.iter().filter(|attack| !has_one_target(**attack));
        let ids: Vec<_> = without.map(|attack| attack.method().id).collect();
        assert_eq!(ids, ["all_target"]);
    }
}
