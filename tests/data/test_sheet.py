import numpy as np

from fittingroom.data import contact_sheet, find_dataset
from tests.data.files import made


def test_the_sheet_shows_a_class_a_row_in_file_order():
    images = find_dataset("sample").training().take(np.arange(60))  # not twelve of each class
    sheet = np.asarray(contact_sheet(images))[::2, ::2]
    assert sheet.shape == (10 * 29 + 1, 12 * 29 + 1)
    for label in range(10):
        of_class = images.images[images.labels == label][:12]
        for column in range(12):
            top, left = 1 + 29 * label, 1 + 29 * column
            shown = sheet[top : top + 28, left : left + 28]
            assert (shown == (of_class[column] if column < len(of_class) else 255)).all()


def test_of_many_classes_the_first_thirty_are_drawn():
    assert contact_sheet(made(62).training()).height == 2 * (30 * 29 + 1)
