"""Airflow's page as the data team uses it: sign in, fill in a DAG's form, press Trigger."""

import json
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page, Response, expect

from vehicle_price.settings import Settings

PATIENCE = 60_000  # milliseconds


class AirflowPage:
    """Airflow in one browser page, signed in."""

    def __init__(self, page: Page, settings: Settings) -> None:
        """page: at `login_address`."""
        self.page, self.url = page, settings.airflow_url
        passwords = json.loads(Path(settings.airflow_password_file).read_text("utf-8"))
        page.locator("input[name=username]").fill(settings.airflow_username)
        page.locator("input[name=password]").fill(passwords[settings.airflow_username])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/")

    @staticmethod
    def login_address(settings: Settings) -> str:
        """The page on which a user signs in."""
        return f"{settings.airflow_url}/auth/login?next=%2F"

    @property
    def dialog(self) -> Locator:
        """The open form."""
        return self.page.get_by_role("dialog").filter(has_text="Run Parameters")

    @property
    def trigger_button(self) -> Locator:
        """The button of the open form that starts the run."""
        return self.dialog.get_by_role("button", name="Trigger")

    def open_form(self, dag: str) -> None:
        """Open the form of a DAG."""
        self.page.goto(f"{self.url}/dags/{dag}")
        self.page.get_by_role("button", name="Trigger").first.click(timeout=PATIENCE)
        self._expect_form()

    def materialize(self, asset: str) -> None:
        """Start the DAG that makes an asset, with the defaults of its form, on the asset's page."""
        self.page.goto(f"{self.url}/assets")
        link = self.page.get_by_role("link", name=asset, exact=True).first
        address = f"{self.url}{link.get_attribute('href', timeout=PATIENCE)}"
        # Airflow draws the page anew when the asset's events arrive, and then closes an open form.
        with self.page.expect_response(_is_of_events, timeout=PATIENCE):
            self.page.goto(address)
        self.page.wait_for_load_state("networkidle")
        self.page.get_by_role("button", name="Create Event").first.click(timeout=PATIENCE)
        self.page.get_by_role("dialog").get_by_text("Materialize", exact=True).click()
        self._expect_form()
        self.trigger()

    def start_backfill(self, dag: str, first_day: str, last_day: str) -> None:
        """Start a backfill of these days with the defaults of the form."""
        self.open_form(dag)
        self.dialog.get_by_text("Run this Dag for a range of dates").click()
        for field, day in enumerate((first_day, last_day)):
            self.dialog.get_by_test_id("datetime-input").nth(field).click()
            for placeholder, text in (("YYYY/MM/DD", day.replace("-", "/")), ("HH:mm", "00:00")):
                self.page.get_by_placeholder(placeholder).locator("visible=true").fill(text)
                self.page.keyboard.press("Tab")
            self.dialog.get_by_text("Date Range").click()  # closes the calendar
            expect(self.page.get_by_placeholder("HH:mm").locator("visible=true")).to_have_count(0)
        button = self.dialog.get_by_role("button", name="Run Backfill")
        expect(button).to_be_enabled(timeout=PATIENCE)
        button.click()
        self._leave()

    def fill_in(self, **texts: str) -> None:
        """Fill in text fields of the open form."""
        for name, text in texts.items():
            field = self.page.locator(f"#element_{name}")
            field.fill(text)
            field.blur()

    def fill_in_number(self, title: str, number: int) -> None:
        """Fill in a number, which has no name in the form, by its title."""
        row = self.dialog.get_by_role("group").filter(has_text=title)
        row.get_by_role("spinbutton").fill(str(number))
        row.get_by_role("spinbutton").blur()

    def choose(self, name: str, value: str) -> None:
        """Choose an option of a field."""
        self._box(name).get_by_role("combobox").click()
        self.page.get_by_role("option", name=value, exact=True).click()

    def keep_only(self, name: str, chosen: Sequence[str]) -> None:
        """Remove all but these of the values that are chosen in a field."""
        for value in self.page.locator(f"input[name=element_{name}]").all():
            if (text := value.get_attribute("value")) not in chosen:
                self.dialog.get_by_label(f"Remove {text}").get_by_role("button").click()

    def value(self, name: str) -> str:
        """The value of a text field, or of a choice."""
        return self.page.locator(f"input[name=element_{name}]").first.input_value()

    def trigger(self) -> None:
        """Press Trigger, which must be possible."""
        expect(self.trigger_button).to_be_enabled(timeout=PATIENCE)
        self.trigger_button.click()
        self._leave()

    def decide(self, address: str, button: str) -> None:
        """Press Approve or Reject on the page of a task that waits for a person."""
        self.page.goto(address)
        self.page.get_by_role("button", name=button).click(timeout=PATIENCE)
        expect(self.page.get_by_text("Response received")).to_be_visible(timeout=PATIENCE)
        self.page.goto("about:blank")

    def _expect_form(self) -> None:
        expect(self.dialog.get_by_text("Run Parameters")).to_be_visible(timeout=PATIENCE)

    def _leave(self) -> None:
        """Wait until the form is sent, then leave the page, which keeps a processor busy."""
        expect(self.dialog).to_have_count(0, timeout=PATIENCE)
        self.page.goto("about:blank")

    def _box(self, name: str) -> Locator:
        return self.page.locator(f"input[name=element_{name}]").first.locator("xpath=..")


def _is_of_events(response: Response) -> bool:
    return "/assets/events" in response.url
