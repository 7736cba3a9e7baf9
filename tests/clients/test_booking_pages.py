"""The booking pages in Chromium, as a guest and the front desk use them.

`CONCIERGE_TEST_SCREENSHOTS=DIR` keeps a picture of each page.
"""

import datetime
import os
import pathlib
import re
import subprocess

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import programs
from conftest import AWAY, ours_only
from server import Server, binary

WAIT_S = 30
"""How long a page may take; only a hang reaches it."""
DESKTOP = (1280, 900)
PHONE = (390, 844)
PASSWORD = "a password for tests"


@pytest.fixture(scope="module")
def house():
    """A server with the demo hotels."""
    ours_only()
    if AWAY:
        pytest.skip("the pages are the component's own, wherever it runs")
    with Server() as server:
        server.run("booking", "demo")
        set_password(server, "admin", PASSWORD)
        yield server


def set_password(server: Server, account: str, password: str):
    subprocess.run(
        [str(binary()), "account", "password", account, "--data", str(server.data)],
        input=password + "\n", text=True, capture_output=True, check=True)


def start_browser(language="en", javascript=True):
    options = webdriver.ChromeOptions()
    options.binary_location = programs.need("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--lang={language}"):
        options.add_argument(argument)
    preferences = {"intl.accept_languages": language}
    if not javascript:
        preferences["profile.managed_default_content_settings.javascript"] = 2
    options.add_experimental_option("prefs", preferences)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=programs.need("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


@pytest.fixture
def browser():
    driver = start_browser()
    driver.set_window_size(*DESKTOP)
    yield driver
    driver.quit()


@pytest.fixture
def plain_browser():
    """A browser that runs no scripts."""
    driver = start_browser(javascript=False)
    driver.set_window_size(*DESKTOP)
    yield driver
    driver.quit()


def picture(driver, name: str):
    if folder := os.environ.get("CONCIERGE_TEST_SCREENSHOTS"):
        height = driver.execute_script("return document.documentElement.scrollHeight")
        width = driver.get_window_size()["width"]
        driver.set_window_size(width, max(height + 140, 600))
        driver.save_screenshot(str(pathlib.Path(folder) / f"{name}.png"))


def find(driver, selector: str):
    return WebDriverWait(driver, WAIT_S).until(lambda d: d.find_element(By.CSS_SELECTOR, selector))


def submit(driver, selector: str):
    """Presses a button, and waits for the page that it leads to."""
    button = find(driver, selector)
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    WebDriverWait(driver, WAIT_S).until(lambda d: is_gone(button))


def is_gone(element) -> bool:
    try:
        element.is_enabled()
        return False
    except WebDriverException:
        # Stale, or of a document that is just going away.
        return True


def set_date(driver, selector: str, date: datetime.date):
    """Typing into a date field depends on the browser's language; its value does not. The page hears of it as of typing."""
    driver.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change', {bubbles: true}))",
        find(driver, selector), date.isoformat())


def to_search(driver, house: Server, ahead: int, nights: int = 2):
    driver.get(f"http://{house.addresses['web']}/booking")
    arrival = datetime.date.today() + datetime.timedelta(days=ahead)
    set_date(driver, "[name=arrival]", arrival)
    set_date(driver, "[name=departure]", arrival + datetime.timedelta(days=nights))


def first_hotel(driver):
    """From the results to the booking form of the first offer."""
    submit(driver, "form button[type=submit]")
    assert driver.find_elements(By.CSS_SELECTOR, "a[href*='/booking/hotels/']"), driver.page_source
    submit(driver, "main a[href*='/booking/hotels/']")
    submit(driver, ".offer a.button[href*='/book']")


def fill_in(driver, name="Ana Silva", email="ana@example.org"):
    for field, value in (("name", name), ("email", email)):
        element = find(driver, f"input[id*='{field}']")
        element.clear()
        element.send_keys(value)


def no_errors(driver):
    """The browser found nothing wrong: no script failed, nothing was blocked by the page's own policy."""
    found = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    found = [message for message in found if not re.search(r"status of (4\d\d|503)", message)]
    assert not found, found


def test_a_guest_books_pays_and_cancels(house, browser):
    to_search(browser, house, ahead=20)
    picture(browser, "1-start")
    first_hotel(browser)
    picture(browser, "2-book")
    fill_in(browser)
    submit(browser, "form[method=post] button[type=submit]")
    assert browser.current_url.endswith("/pay"), browser.current_url
    assert "token" not in browser.current_url
    picture(browser, "3-pay")
    find(browser, "input[value='sandbox:approve']").click()
    submit(browser, "form[method=post] button[type=submit]")
    assert "/confirmation" in browser.current_url, browser.page_source
    code = find(browser, ".ticket-code").text
    assert re.fullmatch(r"[0-9A-Z-]{8,9}", code), code
    picture(browser, "4-confirmation")
    submit(browser, "a[href$='/cancel']")
    picture(browser, "5-cancel")
    submit(browser, "form[method=post] button.danger")
    assert "cancelled" in find(browser, ".badge").text.lower()
    picture(browser, "6-cancelled")
    no_errors(browser)


def test_without_scripts_everything_works(house, plain_browser):
    """`execute_script` is the driver's, and runs all the same; the page's own scripts do not."""
    to_search(plain_browser, house, ahead=25)
    first_hotel(plain_browser)
    fill_in(plain_browser)
    submit(plain_browser, "form[method=post] button[type=submit]")
    find(plain_browser, "input[value='sandbox:approve']").click()
    submit(plain_browser, "form[method=post] button[type=submit]")
    assert "/confirmation" in plain_browser.current_url, plain_browser.page_source


def test_a_form_that_is_sent_twice_books_once(house, browser):
    to_search(browser, house, ahead=30)
    first_hotel(browser)
    fill_in(browser, name="Twice Pressed", email="twice@example.org")
    form = browser.execute_script("""
        const form = document.querySelector("form[method=post]");
        return [form.action, [...new FormData(form)]];
    """)
    submit(browser, "form[method=post] button[type=submit]")
    first = browser.current_url
    # As after "back" and a second click: the same fields once more.
    browser.execute_script("""
        const form = document.createElement("form");
        form.method = "post";
        form.action = arguments[0];
        for (const [name, value] of arguments[1]) {
            const field = document.createElement("input");
            Object.assign(field, {type: "hidden", name, value});
            form.append(field);
        }
        const button = document.createElement("button");
        button.id = "again";
        form.append(button);
        document.querySelector("main").append(form);
    """, *form)
    submit(browser, "#again")
    assert browser.current_url == first


def test_a_declined_payment_can_be_tried_again(house, browser):
    to_search(browser, house, ahead=35)
    first_hotel(browser)
    fill_in(browser)
    submit(browser, "form[method=post] button[type=submit]")
    find(browser, "input[value='sandbox:decline']").click()
    submit(browser, "form[method=post] button[type=submit]")
    assert find(browser, "[role=alert], .notice").text
    find(browser, "input[value='sandbox:approve']").click()
    submit(browser, "form[method=post] button[type=submit]")
    assert "/confirmation" in browser.current_url


def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_is_kept(house, browser):
    to_search(browser, house, ahead=40)
    first_hotel(browser)
    browser.execute_script("document.querySelector('form[method=post]').noValidate = true")
    fill_in(browser, name="<b>Ana</b> & Söhne", email="not an address")
    submit(browser, "form[method=post] button[type=submit]")
    assert find(browser, ".field-error").text
    assert find(browser, "input[id*='name']").get_attribute("value") == "<b>Ana</b> & Söhne"
    assert not browser.find_elements(By.CSS_SELECTOR, "main b")
    picture(browser, "7-wrong")


def test_german_by_accept_language(house):
    driver = start_browser(language="de")
    try:
        driver.get(f"http://{house.addresses['web']}/booking")
        assert find(driver, "html").get_attribute("lang") == "de"
        assert "Anreise" in driver.page_source
    finally:
        driver.quit()


def test_the_front_desk_sees_who_arrives(house, browser):
    to_search(browser, house, ahead=1, nights=3)
    first_hotel(browser)
    hotel = re.search(r"/hotels/([a-z0-9-]+)/", browser.current_url).group(1)
    fill_in(browser, name="Front Desk Guest")
    submit(browser, "form[method=post] button[type=submit]")
    find(browser, "input[value='sandbox:approve']").click()
    submit(browser, "form[method=post] button[type=submit]")
    tomorrow = datetime.date.today() + datetime.timedelta(days=1)
    browser.get(f"http://admin:{PASSWORD.replace(' ', '%20')}@{house.addresses['web']}/booking/desk/{hotel}?day={tomorrow}")
    assert "Front Desk Guest" in find(browser, "main").text
    picture(browser, "8-desk")
    browser.set_window_size(*PHONE)
    picture(browser, "9-desk-phone")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_nothing_is_wider_than_the_window(house, browser, size):
    browser.set_window_size(*size)
    to_search(browser, house, ahead=20)
    for step in ("start", "results", "hotel", "book"):
        wide = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{step} at {size}: {wide} pixels too wide"
        if step == "start":
            submit(browser, "form button[type=submit]")
        elif step == "results":
            submit(browser, "main a[href*='/booking/hotels/']")
        elif step == "hotel":
            submit(browser, ".offer a.button[href*='/book']")
